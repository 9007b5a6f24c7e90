// For applications.
export { httpServer, type DrainableServer, type HttpServerResource } from './lib/http-server.ts'
export type { HttpServerOptions } from './lib/http-server-options.ts'
export { endOnDrain, type LongAnswer } from './lib/end-on-drain.ts'
export type { NotWork, RequestHead } from './lib/not-work.ts'
export type { ListenAddress } from './lib/startup.ts'
export type { HttpServerStats } from './lib/stats.ts'

// For adapters of frameworks.
export { closeUpgraded } from './lib/close-upgraded.ts'
export { frameworkServer, frameworkServerOptionNames, type FrameworkServer, type FrameworkServerOptions } from './lib/framework-server.ts'
export { handlerEnded } from './lib/handler-ended.ts'
export { requirePort } from './lib/require-port.ts'
export { trustUpgraded } from './lib/unanswered-message.ts'
export { stopAccepting } from './lib/stop-accepting.ts'
