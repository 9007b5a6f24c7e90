import { subscribe, unsubscribe } from 'node:diagnostics_channel'

/** Requests that this process has sent, by `node:http`, `node:https` or `fetch`, and that have got no answer yet. */
export interface OutgoingRequests {
  /** One text each, such as `POST https://example.com/orders`, the oldest first. */
  waiting(): string[]
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
  readonly res?: unknown
  readonly socket?: { readonly _handle?: { hasRef?(): boolean } | null } | null
}

const sent = ['http.client.request.start', 'undici:request:create']
/** With its head an answer has begun: streams that are read for ever have come as far as that. */
const answered = ['http.client.response.finish', 'http.client.request.error', 'undici:request:headers', 'undici:request:error']

/** Nobody publishes the answer to an upgrade; so many may have come before it is looked which of them have one. */
const looksEvery = 1_000

/** Follows them from now on. */
export function followOutgoingRequests(): OutgoingRequests {
  const open = new Set<Sent>()
  for (const name of sent) subscribe(name, onSent)
  for (const name of answered) subscribe(name, onAnswered)
  return {
    waiting: () => [...open].filter((request) => isOpen(request) && isWaitedFor(request)).map(describe),
    close() {
      for (const name of sent) unsubscribe(name, onSent)
      for (const name of answered) unsubscribe(name, onAnswered)
      open.clear()
    },
  }

  function onSent(message: unknown): void {
    const request = requestOf(message)
    if (request) open.add(request)
    if (open.size % looksEvery !== 0) return
    for (const request of open) if (!isOpen(request)) open.delete(request)
  }

  function onAnswered(message: unknown): void {
    const request = requestOf(message)
    if (request) open.delete(request)
  }
}

/** Anybody may publish on a channel, and what a subscriber throws is an uncaught error. */
function requestOf(message: unknown): Sent | undefined {
  return (message as { readonly request?: Sent } | undefined)?.request
}

function isOpen({ destroyed, res, upgrade, aborted, completed }: Sent): boolean {
  return !destroyed && !res && !upgrade && !aborted && !completed
}

/** Whoever has called `unref` on its socket wants nobody to wait for it. */
function isWaitedFor({ socket }: Sent): boolean {
  return socket?._handle?.hasRef?.() !== false
}

/** Without its query, which may have a secret. */
function describe(request: Sent): string {
  const { method, path, protocol } = request
  const origin = request.origin ?? `${protocol}//${String(request.getHeader?.('host'))}`
  return `${method} ${String(origin)}${String(path).split(/[?#]/, 1)[0]}`
}
