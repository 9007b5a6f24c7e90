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

/** One user of the service, with one keep-alive connection and no retries. */
export interface Client {
  /** 1, 2, 3 …, over all clients. */
  readonly id: number
  readonly pace: 'fast' | 'slow'
  /** Sends one request and waits for its end. Never rejects. */
  request(request: ClientRequest): Promise<ClientAnswer>
  /** Keeps a value for the result, such as the id of an accepted order. */
  record(kind: string, value: string): void
}

/** What a client script exports as `session`: what one client does in one round. */
export type Session = (client: Client) => Promise<void> | void
