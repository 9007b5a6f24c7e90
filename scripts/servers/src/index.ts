export { startPgBouncer, type PgBouncerOptions } from './lib/pgbouncer.ts'
export type { NoServer, Origin, Server, ServerName, ServerOptions } from './lib/server.ts'
export { startServer } from './lib/start-server.ts'
export { startServers, type Servers, type StartServersOptions } from './lib/start-servers.ts'
