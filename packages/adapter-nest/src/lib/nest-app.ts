import { LifecycleError, requireOptions, show, type DrainContext, type ForceContext, type Reason } from '@lameduck/core'
import { closeUpgraded, frameworkServer, frameworkServerOptionNames, type DrainableServer, type FrameworkServerOptions, type HttpServerResource } from '@lameduck/http'
import { followHooks } from './follow-hooks.ts'
import { gatewaysPart } from './gateways/gateways-part.ts'
import { followMicroservices } from './microservices/follow-microservices.ts'
import { sumOf, type Part, type ServerOptions } from './part.ts'
import { takeOverSignals } from './take-over-signals.ts'
import { warnOfTerminus } from './terminus-warning.ts'

/** What is needed of an `INestApplication` of Nest 11 or 12, on Express or Fastify. */
export interface NestLike {
  getHttpServer(): DrainableServer
  getMicroservices(): readonly object[]
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
 * Serves a Nest application: `app.listen()` at the start; at the stop everything by which work reaches it is drained first, and only then
 * `app.close()` runs, once. Nest by itself destroys modules first and drains afterwards, so that requests in flight are answered by
 * services whose pools are gone, and closes microservices under the messages that they are handling.
 *
 * Microservices of a hybrid application are drained with the HTTP server, whenever they are connected and started: those of brokers take no
 * further message from the signal on, TCP and gRPC serve through the lame duck. So are WebSocket gateways, on whatever port.
 *
 * The app becomes the resource's own: nothing else should listen with it or close it. Call this before `app.init()`, for Nest binds the hooks of gateways
 * there. Listeners of `enableShutdownHooks()` are taken over, when this is called and at the start, with a warning.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function nestApp(app: NestLike, options: NestAppOptions): HttpServerResource {
  requireApp(app)
  requireOptions(options, { ...frameworkServerOptionNames, signal: true }, 'nestApp()')
  const { name = 'nest', signal, closeUpgraded: closeOther = closeUpgraded, onDrain, ...serverOptions } = options
  for (const [option, value] of Object.entries({ closeUpgraded: closeOther, onDrain })) {
    if (value !== undefined && typeof value !== 'function') throw new LifecycleError('invalid-option', `${option} must be a function; it is ${show(value)}`)
  }
  const warnings: string[] = []
  let tellEnded: ((why: unknown) => void) | undefined
  const server = app.getHttpServer()
  const shared = ofServers(options)
  const gateways = gatewaysPart({ app: app as object, name, server, closeOther, options: shared })
  const microservices = followMicroservices(app, { name, options: shared }, (part) => part.watch?.((why) => tellEnded?.(why)))
  const http = frameworkServer({ server, listen, close }, { ...serverOptions, name, closeUpgraded: gateways.closeUpgraded, onDrain: endPolls })
  const others = (): readonly Part[] => [...microservices(), gateways]
  const sum = sumOf(() => [http, ...others()])
  let othersDrained: Promise<unknown> = Promise.resolve()
  let closing: Promise<unknown> | undefined
  warnOfHooks()

  return {
    ...http,
    ...sum,
    get warnings() {
      return [...sum.warnings, ...warnings, ...warnOfTerminus(app as object)]
    },
    watch: (ended) => void (tellEnded = ended),
    preStop(announced) {
      for (const part of [http, ...others()]) part.preStop?.(announced)
    },
    quiesce(context) {
      for (const part of [http, ...others()]) part.quiesce?.(context)
    },
    drain,
    force,
  }

  async function drain(context: DrainContext): Promise<void> {
    const each = others().map(async (part) => part.drain(context))
    othersDrained = Promise.allSettled(each)
    await http.drain(context)
    await Promise.all(each)
  }

  async function force(context: ForceContext): Promise<void> {
    for (const part of others()) void part.force?.(context)
    const cut = Promise.resolve(http.force?.(context))
    // A close that hangs already is not waited for; one that has not been tried gets its chance to release what hooks hold.
    if (closing) return void cut.catch(() => {})
    await Promise.all([cut, closeApp(context.reason)])
  }

  function endPolls(context: DrainContext): Promise<unknown> {
    return Promise.all([gateways.onDrain(context), onDrain?.(context)])
  }

  function listen(port: number, host: string): Promise<unknown> {
    warnOfHooks()
    return app.listen(port, host)
  }

  async function close(reason: Reason): Promise<unknown> {
    await othersDrained
    return closeApp(reason)
  }

  function closeApp(reason: Reason): Promise<unknown> {
    const given = signal ?? (reason.kind === 'signal' ? reason.signal : undefined)
    closing ??= closeOnce(given)
    return closing
  }

  async function closeOnce(given: string | undefined): Promise<void> {
    const failures = followHooks(app as object)
    await (app as { close: (signal?: string) => Promise<unknown> }).close(given)
    if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures, `${failures.length} shutdown hooks failed`)
  }

  function warnOfHooks(): void {
    const taken = takeOverSignals(app)
    if (taken.length === 0) return
    warnings.push(
      `enableShutdownHooks() was called; its listeners (${taken.join(', ')}) were removed, since they destroy modules while requests are in flight. Take the call out.`,
    )
  }
}

/** What the other servers of the application are told as well. */
function ofServers(options: NestAppOptions): ServerOptions {
  const keys = ['notWork', 'unusedGraceMs', 'unbegunGraceMs', 'upgradedSpreadMs', 'upgradedWork'] as const
  return Object.fromEntries(keys.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])))
}

function requireApp(app: unknown): void {
  const methods = ['getHttpServer', 'getMicroservices', 'listen', 'close'] as const
  if (typeof app !== 'object' || app === null || methods.some((method) => typeof (app as NestLike)[method] !== 'function')) {
    throw new LifecycleError('invalid-option', `nestApp() needs what NestFactory.create() resolved with; it was given ${show(app)}`)
  }
}
