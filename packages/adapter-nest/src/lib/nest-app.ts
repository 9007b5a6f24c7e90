import { LifecycleError, show, type DrainContext, type Reason } from '@lameduck/core'
import { httpServer, type DrainableServer, type HttpServerOptions, type HttpServerResource } from '@lameduck/http'
import { takeOverSignals } from './take-over-signals.ts'

/** What is needed of an `INestApplication` of Nest 11 or 12, on Express or Fastify. */
export interface NestLike {
  getHttpServer(): DrainableServer
  listen(port: number, host: string): Promise<unknown>
  /** It takes the signal too, which the types of Nest do not say. */
  close(): Promise<unknown>
}

export interface NestAppOptions extends Omit<HttpServerOptions, 'listen'> {
  /** Unique in one lifecycle. @default 'nest' */
  readonly name?: string
  /** 0 takes a free one. */
  readonly port: number
  /** @default every interface, on Fastify too */
  readonly host?: string
  /** What `beforeApplicationShutdown` and `onApplicationShutdown` hooks are given. @default the signal that began the stop, if one did */
  readonly signal?: string
}

/**
 * Serves a Nest application: `app.listen()` at the start; at the stop the raw server is drained first, and only then
 * `app.close()` runs, once. Nest by itself destroys modules first and drains the server afterwards, so that requests in
 * flight are answered by services whose pools are gone.
 *
 * The app becomes the resource's own: nothing else should listen with it or close it. Listeners of `enableShutdownHooks()`
 * are taken over, when this is called and at the start, with a warning.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function nestApp(app: NestLike, options: NestAppOptions): HttpServerResource {
  // Node takes an empty host for every interface; without any, Fastify would take localhost.
  const { name = 'nest', port, host = '', signal, ...drainOptions } = options
  requireApp(app)
  requirePort(port)
  const raw = httpServer(app.getHttpServer(), { ...drainOptions, name })
  const warnings: string[] = []
  let closing: Promise<void> | undefined
  warnOfHooks()

  return {
    ...raw,
    warnings,
    start: listen,
    async drain(context) {
      await raw.drain(context)
      await Promise.race([close(context.reason), abortOf(context)])
    },
    async force(context) {
      await raw.force?.(context)
      // A close that hangs already is not waited for; one that has not been tried gets its chance to run the hooks.
      if (!closing) await close(context.reason)
    },
  }

  /** Not given up on an abort: what listens in the end has to be drained, so the engine must see this settle. */
  async function listen(): Promise<void> {
    warnOfHooks()
    const watch = new AbortController()
    const listening = raw.start?.({ signal: watch.signal })
    try {
      await app.listen(port, host)
    } catch (error) {
      // The watcher's error says what to do about a taken port; it knows nothing of a provider that failed.
      if (error instanceof Error && 'syscall' in error && error.syscall === 'listen') await listening
      watch.abort(error)
      await listening
    }
  }

  /** Memoised: Nest 11 runs every hook twice when it is closed twice. */
  function close(reason: Reason): Promise<void> {
    const given = signal ?? (reason.kind === 'signal' ? reason.signal : undefined)
    closing ??= (app as { close: (signal?: string) => Promise<unknown> }).close(given).then(() => {})
    return closing
  }

  function warnOfHooks(): void {
    const taken = takeOverSignals(app)
    if (taken.length === 0) return
    warnings.push(
      `enableShutdownHooks() was called; its listeners (${taken.join(', ')}) were removed, since they destroy modules while requests are in flight. Take the call out.`,
    )
  }
}

function abortOf({ signal }: DrainContext): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function requireApp(app: unknown): void {
  const methods = ['getHttpServer', 'listen', 'close'] as const
  if (typeof app !== 'object' || app === null || methods.some((method) => typeof (app as NestLike)[method] !== 'function')) {
    throw new LifecycleError('invalid-option', `nestApp() needs what NestFactory.create() resolved with; it was given ${show(app)}`)
  }
  if ((app as NestLike).getHttpServer().listening) {
    throw new LifecycleError('invalid-option', 'nestApp() was given an app that listens already; take out your own app.listen(), start() calls it')
  }
}

function requirePort(port: unknown): void {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535) return
  throw new LifecycleError('invalid-option', `port must be a whole number from 0 to 65535; it is ${show(port)}`)
}
