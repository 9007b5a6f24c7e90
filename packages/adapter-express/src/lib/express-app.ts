import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { LifecycleError, requireOptions, show } from '@lameduck/core'
import { frameworkServerOptionNames, httpServer, requirePort, type HttpServerOptions, type HttpServerResource } from '@lameduck/http'

/** What is needed of an Express application, 4 or 5. */
export interface ExpressLike {
  (request: IncomingMessage, response: ServerResponse): unknown
  // Named so that a router, which is a function too, is refused by the compiler.
  readonly listen: unknown
}

export interface ExpressAppOptions extends Omit<HttpServerOptions, 'listen'> {
  /** Unique in one lifecycle. @default 'express' */
  readonly name?: string
  /** 0 takes a free one. */
  readonly port: number
  /** @default every interface */
  readonly host?: string
}

export interface ExpressAppResource extends HttpServerResource {
  /** The server it made: its address, its timeouts, its `upgrade` event. */
  readonly server: Server
}

/**
 * Serves an Express application: makes the server, listens at `start()`, and at the stop leaves as `httpServer` does:
 * `Connection: close` while it goes on accepting, then finish what is in flight.
 *
 * The server is the resource's own. For TLS, or a server that exists already, use `httpServer(server)` of `@lameduck/http`.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function expressApp(app: ExpressLike, options: ExpressAppOptions): ExpressAppResource {
  requireApp(app)
  const { name = 'express', port, host, ...drain } = requireOptions(options, frameworkServerOptionNames, 'expressApp()')
  requirePort(port)
  const server = createServer(app)
  // Added to, not copied: its warnings are a getter.
  return Object.assign(httpServer(server, { ...drain, name, listen: host === undefined ? { port } : { port, host } }), { server })
}

function requireApp(app: unknown): void {
  if (typeof app === 'function' && 'listen' in app) return
  const given = typeof app === 'object' && app !== null && 'address' in app ? 'a server; give that to httpServer() of @lameduck/http' : show(app)
  throw new LifecycleError('invalid-option', `expressApp() needs what express() returned; it was given ${given}`)
}
