import type { LossReason } from './rehearsal.ts'

/** One request of a client script. */
export interface ClientRequest {
  /** @default 'GET' */
  readonly method?: string
  /** @default '/' */
  readonly path?: string
  /** @default {} */
  readonly headers?: Readonly<Record<string, string>>
  /** @default no body */
  readonly body?: string
  /** Time for the complete answer, in ms. @default `load.timeoutMs` */
  readonly timeoutMs?: number
  /** Which statuses are good answers. @default 200–399 */
  readonly isGood?: (status: number) => boolean
}

/** A lost request is an answer too: a script need not catch anything. */
export type ClientAnswer =
  | { readonly ok: true; readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>>; readonly body: string }
  | { readonly ok: false; readonly status: number | undefined }

/** How an attempt is named in the failures, and how long it may take. */
export interface AttemptOptions {
  /** @default 'GET' */
  readonly method?: string
  /** @default '/' */
  readonly path?: string
  /** Time until the work settles, in ms; at least 1 and finite. `'none'` is for what lasts, such as a WebSocket; it is not among the latencies. @default `load.timeoutMs` */
  readonly timeoutMs?: number | 'none'
}

/** An attempt while it runs. */
export interface Attempt {
  /** Aborts when `timeoutMs` is over: the attempt is lost by then, whatever the work still does. */
  readonly signal: AbortSignal
  /** Says which connection carries it, so that a loss is put down to the replica behind that. */
  via(connection: { readonly localPort?: number | undefined } | undefined): void
  /**
   * Makes it lost, for this reason, and settles it at once; the first verdict stands. Throws nothing, so it may be called in a callback: `return` yourself
   * where the work must not go on. A reason that does not exist, or no detail, fails the session.
   */
  lose(reason: LossReason, detail: string): void
}

export type AttemptResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: LossReason; readonly detail: string }

/** One user of the service. */
export interface Client {
  /** 1, 2, 3 …, over all clients. */
  readonly id: number
  readonly pace: 'fast' | 'slow'
  /** Where the service is, for other clients than {@link request}: `http://127.0.0.1:port`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** Aborts when the load ends: begin nothing new, and end what would last for ever. */
  readonly signal: AbortSignal
  /** Sends one request over this client's one keep-alive connection, without repeating it, and waits for its end. Rejects for options that are a mistake, never for what the service does. */
  request(request: ClientRequest): Promise<ClientAnswer>
  /**
   * Counts what any other client library does: good when `work` resolves, lost when it throws, hangs or calls `lose`.
   * Rejects for arguments that are a mistake, never for what the service or the work does.
   * The library must not repeat anything by itself, or else it is the library that is rehearsed too.
   */
  attempt<T>(options: AttemptOptions, work: (attempt: Attempt) => Promise<T> | T): Promise<AttemptResult<T>>
  /** Keeps a value for the result, such as the id of an accepted order. */
  record(kind: string, value: string): void
}

/** What a client script exports as `session`: what one client does in one round. */
export type Session = (client: Client) => Promise<void> | void

/** What a client script exports as `createSession` instead, when a client has something that lives over its rounds: an agent, a channel, a socket. */
export type CreateSession = (client: Client) => Promise<LastingSession> | LastingSession

export interface LastingSession {
  /** Called again and again until the load ends. */
  round(): Promise<void> | void
  /** Called once after the last round. @default nothing is to be closed */
  close?(): Promise<void> | void
}
