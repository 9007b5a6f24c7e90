import { subscribe, unsubscribe } from 'node:diagnostics_channel'

/** Requests that this process has sent, by `node:http`, `node:https` or `fetch`, and whose answers somebody waits for. */
export interface OutgoingRequests {
  /**
   * One text each, such as `POST https://example.com/orders`.
   *
   * @param handles the active ones of the process: a request that is still being sent is on one of them, and published nowhere yet
   */
  waiting(handles: readonly unknown[]): string[]
  close(): void
}

/** The part that is used of what Node's two clients publish. */
interface Sent {
  readonly method?: string
  readonly path?: string
  /** Of `fetch` alone, as are `upgrade`, `aborted` and `completed`. */
  readonly origin?: string | URL
  readonly upgrade?: unknown
  readonly aborted?: boolean
  readonly completed?: boolean
  /** Of `node:http` alone, as is all that follows. */
  readonly protocol?: string
  getHeader?(name: string): unknown
  readonly destroyed?: boolean
  readonly res?: { readonly complete?: boolean; readonly upgrade?: boolean } | null
  readonly socket?: { readonly _handle?: { hasRef?(): boolean } | null } | null
  /** With those that wait until one of its sockets is free. */
  readonly agent?: { readonly requests?: Readonly<Record<string, readonly Sent[] | undefined>> } | null
}

const sent = ['http.client.request.start', 'undici:request:create']
const headed = ['http.client.response.finish', 'undici:request:headers']
const ended = ['http.client.request.error', 'undici:request:trailers', 'undici:request:error']

/** Streams that are read for ever are asked for by these (RFC 9110 §9.2.1). With its head, an answer to them has come as far as it may ever come. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Nobody publishes the answer to an upgrade, nor the end of an answer of `node:http`; so many requests may be kept before it is looked which of them are over. */
const looksEvery = 100

/** Follows them from now on. */
export function followOutgoingRequests(): OutgoingRequests {
  const open = new Set<Sent>()
  const listeners = [[sent, onSent], [headed, onHead], [ended, onEnd]] as const
  for (const [names, listener] of listeners) for (const name of names) subscribe(name, listener)
  return {
    waiting(handles) {
      const onHandles = handles.flatMap((handle) => requestOn(handle) ?? [])
      const all = new Set([...open, ...onHandles, ...onHandles.flatMap(waitingBehind)])
      return [...all].filter((request) => isOpen(request) && isWaitedFor(request)).map(describeRequest)
    },
    close() {
      for (const [names, listener] of listeners) for (const name of names) unsubscribe(name, listener)
      open.clear()
    },
  }

  function onSent(message: unknown): void {
    const request = requestOf(message)
    if (request) open.add(request)
    if (open.size % looksEvery !== 0) return
    for (const kept of open) if (!isOpen(kept)) open.delete(kept)
  }

  function onHead(message: unknown): void {
    const request = requestOf(message)
    if (request && isSafe(request)) open.delete(request)
  }

  function onEnd(message: unknown): void {
    const request = requestOf(message)
    if (request) open.delete(request)
  }
}

/** Anybody may publish on a channel, and what a subscriber throws is an uncaught error. */
export function requestOf(message: unknown): Sent | undefined {
  return (message as { readonly request?: Sent } | undefined)?.request
}

/** A client's socket has the request that is on it; that of a server has an answer there, with its own request. */
function requestOn(handle: unknown): Sent | undefined {
  const { _httpMessage: message } = handle as { readonly _httpMessage?: (Sent & { readonly req?: unknown }) | null }
  return message && !message.req ? message : undefined
}

function waitingBehind({ agent }: Sent): Sent[] {
  return Object.values(agent?.requests ?? {}).flatMap((requests) => requests ?? [])
}

function isOpen(request: Sent): boolean {
  const { destroyed, res, upgrade, aborted, completed } = request
  if (destroyed || upgrade || aborted || completed) return false
  return !res || (!isSafe(request) && !res.upgrade && res.complete === false)
}

function isSafe({ method }: Sent): boolean {
  return safeMethods.has(String(method))
}

/** Whoever has called `unref` on its socket wants nobody to wait for it. */
function isWaitedFor({ socket }: Sent): boolean {
  return socket?._handle?.hasRef?.() !== false
}

/** Without its query, which may have a secret. */
export function describeRequest(request: Sent): string {
  const { method, path, protocol } = request
  const origin = request.origin ?? `${protocol}//${String(request.getHeader?.('host'))}`
  return `${method} ${String(origin)}${String(path).split(/[?#]/, 1)[0]}`
}
