import type { RehearsalEvent } from './rehearsal-event.ts'

/** An HTTP path on one of a replica's two ports. */
export interface HttpTarget {
  readonly path: string
  /** `app` is `PORT`, `probe` is `PROBE_PORT`. */
  readonly port: 'app' | 'probe'
}

/** What happens between the mark "terminating" and SIGTERM. */
export type PreStop = 'none' | { readonly sleepMs: number } | { readonly httpGet: HttpTarget }

export interface ProbeOptions {
  /** @default { path: '/readyz', port: 'probe' } */
  readonly readiness?: HttpTarget
  /** Recorded only; nothing is restarted. `none` asks nothing. @default { path: '/livez', port: 'probe' } */
  readonly liveness?: HttpTarget | 'none'
  /** Time between two samples, in ms. kubelet's default is 10 s, its least 1 s. @default 200 */
  readonly periodMs?: number
  /** @default 1000 */
  readonly timeoutMs?: number
  /** Failed readiness samples in a row before the endpoint is taken out. @default 3 */
  readonly failureThreshold?: number
}

export interface NetworkOptions {
  /** How long after a change of an endpoint (ready, not ready, terminating) new connections follow it, in ms. @default 1000 */
  readonly propagationMs?: number
  /** Added to every byte, FIN and RST, each way, in ms. @default 0 */
  readonly delayMs?: number
}

export interface RolloutOptions {
  /** How many of the first replicas are terminated; 0 rehearses nothing but the load. @default all */
  readonly terminate?: number
  /** Starts a replacement, and waits until it is ready, before each termination. @default true */
  readonly replace?: boolean
  /** Waits for the exit of one replica before the next replacement starts. @default false */
  readonly waitForExit?: boolean
  /** `terminationGracePeriodSeconds`, in ms. @default 30000 */
  readonly graceMs?: number
  /** kubelet leaves at least 2 s between the signal and SIGKILL, whatever preStop took. @default 2000 */
  readonly leastAfterSignalMs?: number
  /** @default 'none' */
  readonly preStop?: PreStop
}

export interface LoadOptions {
  /** Keep-alive clients with short pauses between two rounds. @default 40 */
  readonly fast?: number
  /** Keep-alive clients with long pauses between two rounds. @default 20 */
  readonly slow?: number
  /** Longest pause of a fast client, in ms; each pause is a random part of it. @default 40 */
  readonly fastPauseMs?: number
  /** Longest pause of a slow client, in ms. @default 1500 */
  readonly slowPauseMs?: number
  /** Clients that read one endless chunked response after the other, and come back after 200–400 ms. @default 0 */
  readonly streams?: number
  /** What the streams ask for. @default '/events' */
  readonly streamPath?: string
  /** What a client asks for when there is no script. @default '/' */
  readonly path?: string
  /** Absolute path of a JavaScript module that exports `session(client)` or `createSession(client)`, see {@link Session} and {@link CreateSession}. @default GET of `path` */
  readonly script?: string
  /** Time for one complete answer (for streams: for the response headers), in ms. @default 10000 */
  readonly timeoutMs?: number
}

export interface RehearsalOptions {
  /** Program and arguments of one replica. It gets `PORT`, `PROBE_PORT` and `REPLICA` in its environment, and must listen on loopback. */
  readonly command: readonly string[]
  /** @default process.cwd() */
  readonly cwd?: string
  /** Added to this process's environment. @default {} */
  readonly env?: Readonly<Record<string, string>>
  /** @default 3 */
  readonly replicas?: number
  /** How long a replica may take until its readiness probe succeeds, in ms. @default 30000 */
  readonly readyTimeoutMs?: number
  readonly probes?: ProbeOptions
  readonly network?: NetworkOptions
  readonly rollout?: RolloutOptions
  readonly load?: LoadOptions
  /** Load before the first termination, in ms. @default 1000 */
  readonly warmUpMs?: number
  /** Load after the last exit, in ms. @default 1000 */
  readonly coolDownMs?: number
  /** How the replicas end that the rollout left running: SIGKILL, or a termination like the others, after the load. @default 'kill' */
  readonly lastReplicas?: 'kill' | 'terminate'
  /** Decides routing and think times. @default a new one each time, see `Rehearsal.seed` */
  readonly seed?: number
  /** Runs when the load has ended and the last replicas still serve: the place to look for lost rows. */
  readonly afterLoad?: (service: AfterLoad) => Promise<void> | void
  readonly onEvent?: (event: RehearsalEvent) => void
  /** Every line that a replica (or `load`, the client script) writes. */
  readonly onOutput?: (line: OutputLine & { readonly replica: string }) => void
  /** Aborting it stops everything that was started and rejects. */
  readonly signal?: AbortSignal
}

export interface AfterLoad {
  /** The service still answers here. */
  readonly url: string
  /** What the script gave to `client.record`, by kind. */
  readonly records: Readonly<Record<string, readonly string[]>>
}

/** One line of output. Times are ms after the rehearsal began. */
export interface OutputLine {
  readonly atMs: number
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}
