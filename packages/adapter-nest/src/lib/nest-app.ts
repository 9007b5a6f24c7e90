import { LifecycleError, show, type Reason } from '@lameduck/core'
import { frameworkServer, type DrainableServer, type FrameworkServerOptions, type HttpServerResource } from '@lameduck/http'
import { takeOverSignals } from './take-over-signals.ts'

/** What is needed of an `INestApplication` of Nest 11 or 12, on Express or Fastify. */
export interface NestLike {
  getHttpServer(): DrainableServer
  listen(port: number, host: string): Promise<unknown>
  /** It takes the signal too, which the types of Nest do not say. */
  close(): Promise<unknown>
}

export interface NestAppOptions extends FrameworkServerOptions {
  /** Unique in one lifecycle. @default 'nest' */
  readonly name?: string
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
  const { name = 'nest', signal, ...serverOptions } = options
  requireApp(app)
  const warnings: string[] = []
  const resource = frameworkServer({ server: app.getHttpServer(), listen, close }, { ...serverOptions, name })
  warnOfHooks()
  return {
    ...resource,
    get warnings() {
      return [...(resource.warnings ?? []), ...warnings]
    },
  }

  function listen(port: number, host: string): Promise<unknown> {
    warnOfHooks()
    return app.listen(port, host)
  }

  function close(reason: Reason): Promise<unknown> {
    const given = signal ?? (reason.kind === 'signal' ? reason.signal : undefined)
    return (app as { close: (signal?: string) => Promise<unknown> }).close(given)
  }

  function warnOfHooks(): void {
    const taken = takeOverSignals(app)
    if (taken.length === 0) return
    warnings.push(
      `enableShutdownHooks() was called; its listeners (${taken.join(', ')}) were removed, since they destroy modules while requests are in flight. Take the call out.`,
    )
  }
}

function requireApp(app: unknown): void {
  const methods = ['getHttpServer', 'listen', 'close'] as const
  if (typeof app !== 'object' || app === null || methods.some((method) => typeof (app as NestLike)[method] !== 'function')) {
    throw new LifecycleError('invalid-option', `nestApp() needs what NestFactory.create() resolved with; it was given ${show(app)}`)
  }
}
