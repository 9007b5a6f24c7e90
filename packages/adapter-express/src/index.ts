export { expressApp, type ExpressAppOptions, type ExpressAppResource, type ExpressLike } from './lib/express-app.ts'
export { probes, type Middleware } from './lib/probes.ts'
export { endOnDrain } from '@lameduck/http'
