import { LifecycleError, requireOptions, show } from '@lameduck/core'
import { frameworkServer, frameworkServerOptionNames, type DrainableServer, type FrameworkServerOptions, type HttpServerResource } from '@lameduck/http'

/** What is needed of a Fastify 5 instance, whatever its server, logger and type provider. */
export interface FastifyLike {
  readonly server: DrainableServer
  readonly initialConfig: { readonly forceCloseConnections?: unknown }
  listen(options: { port: number; host: string }): PromiseLike<unknown>
  close(): PromiseLike<unknown>
}

export interface FastifyAppOptions extends FrameworkServerOptions {
  /** Unique in one lifecycle. @default 'fastify' */
  readonly name?: string
  /** Fastify's own default is `localhost`, which no other machine reaches. @default every interface */
  readonly host?: string
}

/**
 * Serves a Fastify application: `app.listen()` at the start; at the stop the raw server is drained first, and only then
 * `app.close()` runs, once. The other way round Fastify answers 503 from the first moment on, to clients that were only
 * told by that answer that they should have gone elsewhere, and waits 72 s for connections that are idle.
 *
 * The app becomes the resource's own: nothing else should listen with it or close it.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function fastifyApp(app: FastifyLike, options: FastifyAppOptions): HttpServerResource {
  requireApp(app)
  requireOptions(options, frameworkServerOptionNames, 'fastifyApp()')
  const { server } = app
  const resource = frameworkServer(
    { server, listen: (port, host) => app.listen({ port, host }), close: () => app.close() },
    { ...options, name: options.name ?? 'fastify' },
  )
  const own = warningsOf(app, options.host)
  return {
    ...resource,
    get warnings() {
      return [...(resource.warnings ?? []), ...own]
    },
  }
}

function warningsOf(app: FastifyLike, host: string | undefined): string[] {
  const warnings: string[] = []
  if (host === 'localhost') {
    warnings.push(
      'host "localhost" makes Fastify open a second server for ::1 that nobody can reach from here, so it is not drained. Use "127.0.0.1", or leave host out.',
    )
  }
  if (app.initialConfig.forceCloseConnections === true) {
    warnings.push(
      'forceCloseConnections: true makes any app.close() cut requests in flight. Leave it out: idle connections are ended before app.close() is called.',
    )
  }
  return warnings
}

function requireApp(app: unknown): void {
  if (typeof app !== 'object' || app === null || !('server' in app && 'listen' in app && 'close' in app && 'initialConfig' in app)) {
    throw new LifecycleError('invalid-option', `fastifyApp() needs what fastify() returned; it was given ${show(app)}`)
  }
}
