import type { Duplex } from 'node:stream'
import { LifecycleError, phases, requireMs, requireOptions, show, type DrainContext, type InHand, type OptionNames, type Phase } from '@lameduck/core'
import { closeUpgraded as closeUpgradedByDefault } from './close-upgraded.ts'
import type { NotWork } from './not-work.ts'
import type { ListenAddress } from './startup.ts'

/** How a server takes part in the life of a service. */
export interface HttpServerOptions {
  /** Unique in one lifecycle. @default 'http' */
  readonly name?: string
  /** Lets `start()` call `listen`; without it the application does, before or after. */
  readonly listen?: ListenAddress
  /**
   * When it drains. In `intake` it goes on serving through the lame duck. In a later phase it goes on until everything before has stopped,
   * and its requests do not stretch the lame duck: for metrics and administration. @default 'intake'
   */
  readonly phase?: Phase
  /**
   * Requests that nobody would miss, and that do not stretch the lame duck: paths (`/healthz`), with `/*` at the end all below
   * (`/internal/*`), compared with the path as the client sent it; or a function that knows them. What `@lameduck/probes` answers, the gRPC
   * health service, and the checks and scrapers of Kubernetes, AWS, Google, Consul, Envoy and Prometheus are known by themselves, by their
   * `User-Agent`. @default no others
   */
  readonly notWork?: NotWork
  /**
   * Called when the lame duck is over and the listener is closed, before connections are ended: the moment to tell a library that
   * holds requests open (socket.io, GraphQL subscriptions). The drain waits for what it returns; what it throws fails the step.
   * @default nothing
   */
  readonly onDrain?: (context: DrainContext) => unknown
  /**
   * Time from its accept that a connection on which nothing has arrived gets for its first request when the server
   * closes, in ms. Balancers and browsers open connections ahead of use. @default 500
   */
  readonly unusedGraceMs?: number
  /**
   * How long the drain waits for what has nothing of the application in it, in ms: a TLS handshake that has stopped, half of a
   * request's head, an upgrade that is not answered, an upgraded socket whose client does not react to its goodbye. Then it is
   * destroyed, which is no loss. @default 5000
   */
  readonly unbegunGraceMs?: number
  /**
   * Called once per upgraded socket when the lame duck is over; `protocol` is the request's `Upgrade` header in lower
   * case, empty for CONNECT. It should make the socket close soon; one on which nothing moves for `unbegunGraceMs` is destroyed. A promise that it returns is awaited.
   * @default a WebSocket gets a close frame 1001 ("going away"), anything else is ended; what another stream is piped into is destroyed when
   * nothing has moved on it for a second, at the latest after `unbegunGraceMs`
   */
  readonly closeUpgraded?: (socket: Duplex, protocol: string) => unknown
  /**
   * Time over which the calls of `closeUpgraded` and the ends of `endOnDrain` are spread when the lame duck is over, in ms, so that thousands of
   * clients do not come back to the other replicas in one moment; never more than half of the time that is left. @default 1 for each
   */
  readonly upgradedSpreadMs?: number
  /**
   * What messages on upgraded sockets begin, such as a `trackedWork` around their handlers. Then goodbyes wait until it is idle by the rule of
   * `untilIdle`, at most half of the time that is left. What is in hand then is `unknown`, for its answers reach nobody; beyond that no message
   * is doubted because nobody has answered it.
   * @default none: a WebSocket whose client has the last word is given 2 s for the answer, and is `unknown` in the report without one
   */
  readonly upgradedWork?: InHand
  /**
   * How long the balancer in front keeps an idle connection to this server, in ms (AWS ALB 60 000, nginx 60 000, Google 600 000).
   * With it, a warning says when the server closes idle connections earlier than the balancer, which is a 502 now and then. @default no check
   */
  readonly upstreamIdleMs?: number
  /** Longest time the drain may take, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for the phase */
  readonly reserveMs?: number
}

/** For adapters: what `httpServer` can be given. */
export const httpServerOptionNames: OptionNames<HttpServerOptions> = {
  name: true,
  listen: true,
  phase: true,
  notWork: true,
  onDrain: true,
  unusedGraceMs: true,
  unbegunGraceMs: true,
  closeUpgraded: true,
  upgradedSpreadMs: true,
  upgradedWork: true,
  upstreamIdleMs: true,
  timeoutMs: true,
  reserveMs: true,
}

const defaults = { name: 'http', phase: 'intake', unusedGraceMs: 500, unbegunGraceMs: 5_000, closeUpgraded: closeUpgradedByDefault } as const
const times = ['unusedGraceMs', 'unbegunGraceMs', 'upgradedSpreadMs', 'upstreamIdleMs', 'timeoutMs', 'reserveMs'] as const

export type ResolvedOptions = HttpServerOptions & Required<Pick<HttpServerOptions, 'name' | 'phase' | 'unusedGraceMs' | 'unbegunGraceMs' | 'closeUpgraded'>>

/** The options with their defaults. @throws LifecycleError `invalid-option` */
export function resolveOptions(options: HttpServerOptions): ResolvedOptions {
  requireOptions(options, httpServerOptionNames, 'httpServer()')
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as HttpServerOptions
  const resolved: ResolvedOptions = { ...defaults, ...given }
  const { phase, closeUpgraded, onDrain, upgradedWork } = resolved
  if (!phases.includes(phase)) throw new LifecycleError('invalid-option', `phase must be one of ${phases.join(', ')}; it is ${show(phase)}`)
  for (const time of times) if (resolved[time] !== undefined) requireMs(resolved[time], time)
  for (const [option, value] of Object.entries({ closeUpgraded, onDrain })) {
    if (value !== undefined && typeof value !== 'function') throw new LifecycleError('invalid-option', `${option} must be a function; it is ${show(value)}`)
  }
  if (upgradedWork !== undefined) requireInHand(upgradedWork)
  return resolved
}

function requireInHand(work: unknown): void {
  const { count, begunBefore } = (work ?? {}) as Partial<InHand>
  if (typeof count === 'function' && typeof begunBefore === 'function') return
  throw new LifecycleError('invalid-option', `upgradedWork must say what it has in hand, as what trackedWork() returns does; it is ${show(work)}`)
}
