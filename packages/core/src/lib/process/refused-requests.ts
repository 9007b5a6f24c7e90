import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describeRequest, requestOf } from './outgoing-requests.ts'

/** Requests that this process has sent during the stop, by `node:http`, `node:https` or `fetch`, to an address of its own machine at which nothing listened. */
export interface RefusedRequests {
  /** By address and port: what was refused there, one text each. */
  list(): ReadonlyMap<string, readonly string[]>
  close(): void
}

/** Of a refused connection, or of the two that `localhost` stands for. */
interface Refusal {
  readonly code?: string
  readonly address?: string
  readonly port?: number
  readonly errors?: readonly Refusal[]
}

const failed = ['http.client.request.error', 'undici:request:error']
const answered = ['http.client.response.finish', 'undici:request:headers']

/** Addresses, and requests of each: a client that asks again and again is one. */
const mostKept = 100

/**
 * Follows them from now on. What was refused before the stop as well, and has not answered since, is no server that the stop has taken away.
 *
 * @param isStopping whether the stop has begun
 */
export function followRefusedRequests(isStopping: () => boolean): RefusedRequests {
  const before = new Set<string>()
  const inStop = new Map<string, string[]>()
  let own: ReadonlySet<string> | undefined
  for (const name of failed) subscribe(name, onFailed)
  for (const name of answered) subscribe(name, onAnswered)
  return {
    list: () => inStop,
    close() {
      for (const name of failed) unsubscribe(name, onFailed)
      for (const name of answered) unsubscribe(name, onAnswered)
    },
  }

  function onFailed(message: unknown): void {
    const request = requestOf(message)
    const refusal = refusalIn((message as { readonly error?: Refusal }).error)
    if (!request || !refusal?.address) return
    const text = describeRequest(request)
    const origin = originOf(text)
    if (!isStopping()) return void (before.size < mostKept && before.add(origin))
    own ??= addressesOfThisMachine()
    if (before.has(origin) || !isOwn(refusal.address, own)) return
    keep(`${refusal.address.includes(':') ? `[${refusal.address}]` : refusal.address}:${refusal.port}`, text)
  }

  function keep(where: string, text: string): void {
    const texts = inStop.get(where) ?? []
    if (texts.length < mostKept) texts.push(text)
    if (inStop.size < mostKept) inStop.set(where, texts)
  }

  function onAnswered(message: unknown): void {
    if (before.size === 0) return
    const request = requestOf(message)
    if (request) before.delete(originOf(describeRequest(request)))
  }
}

function refusalIn(error: Refusal | undefined): Refusal | undefined {
  if (error?.code !== 'ECONNREFUSED') return undefined
  return error.address === undefined ? error.errors?.at(-1) : error
}

/** `POST http://127.0.0.1:80/orders` without what differs from request to request. */
function originOf(text: string): string {
  return text.split('/', 3).join('/').replace(/^\S+ /, '')
}

function isOwn(address: string, own: ReadonlySet<string>): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.') || own.has(address)
}

function addressesOfThisMachine(): ReadonlySet<string> {
  const { networkInterfaces } = process.getBuiltinModule('node:os')
  return new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)))
}

