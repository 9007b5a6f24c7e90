export { fastifyApp, type FastifyAppOptions, type FastifyLike } from './lib/fastify-app.ts'
export { probes } from './lib/probes.ts'
export { endOnDrain } from '@lameduck/http'
