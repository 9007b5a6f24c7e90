import { LifecycleError, show, type DrainContext, type StartContext } from '@lameduck/core'
import { httpServer, type DrainableServer, type HttpServerOptions, type HttpServerResource } from '@lameduck/http'

/** What is needed of a Fastify 5 instance, whatever its server, logger and type provider. */
export interface FastifyLike {
  readonly server: DrainableServer
  readonly initialConfig: { readonly forceCloseConnections?: unknown }
  listen(options: { port: number; host: string }): PromiseLike<unknown>
  close(): PromiseLike<unknown>
}

export interface FastifyAppOptions extends Omit<HttpServerOptions, 'listen'> {
  /** Unique in one lifecycle. @default 'fastify' */
  readonly name?: string
  /** 0 takes a free one. */
  readonly port: number
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
  // Node takes an empty host for every interface, IPv6 included where there is any.
  const { name = 'fastify', port, host = '', ...drainOptions } = options
  requireApp(app)
  requirePort(port)
  const raw = httpServer(app.server, { ...drainOptions, name })
  let closing: Promise<void> | undefined

  return {
    ...raw,
    warnings: warningsOf(app, host),
    start: listen,
    async drain(context) {
      await raw.drain(context)
      await Promise.race([close(), abortOf(context)])
    },
    async force(context) {
      await raw.force?.(context)
      // A close that hangs already is not waited for; one that has not been tried gets its chance to release what plugins hold.
      if (!closing) await close()
    },
  }

  /** Not given up on an abort: what listens in the end has to be drained, so the engine must see this settle. */
  async function listen(_context: StartContext): Promise<void> {
    const watch = new AbortController()
    const listening = raw.start?.({ signal: watch.signal })
    try {
      await app.listen({ port, host })
    } catch (error) {
      // The watcher's error says what to do about a taken port; it knows nothing of a plugin that failed.
      if (error instanceof Error && 'syscall' in error && error.syscall === 'listen') await listening
      watch.abort(error)
      await listening
    }
  }

  function close(): Promise<void> {
    closing ??= Promise.resolve(app.close()).then(() => {})
    return closing
  }
}

function abortOf({ signal }: DrainContext): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function warningsOf(app: FastifyLike, host: string): string[] {
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
  if ((app as FastifyLike).server.listening) {
    throw new LifecycleError('invalid-option', 'fastifyApp() was given an app that listens already; take out your own app.listen(), start() calls it')
  }
}

function requirePort(port: unknown): void {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535) return
  throw new LifecycleError('invalid-option', `port must be a whole number from 0 to 65535; it is ${show(port)}`)
}
