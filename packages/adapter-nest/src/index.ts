export { LameduckModule, lifecycleToken } from './lib/lameduck-module.ts'
export { nestApp, type NestAppOptions, type NestLike } from './lib/nest-app.ts'
export { probes, type Middleware } from './lib/probes.ts'
export { endOnDrain } from '@lameduck/http'
