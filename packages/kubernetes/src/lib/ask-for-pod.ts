import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { isIPv6 } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { orAborted } from '@lameduck/core'
import { cancellableLookup } from './cancellable-lookup.ts'
import { describe, headerMoment, shortLine } from './checked.ts'
import { explanationOf, readPod, saysGone, type Pod } from './pod.ts'
import { readServiceAccount, type ServiceAccount, type ServiceAccountInput } from './service-account.ts'

/** Above the 1.5 MiB that etcd takes for an object there is no Pod; a real one has about 5 kB. */
const largestBody = 2 * 1_024 * 1_024

/**
 * What the API server said: the Pod, with the answer's `Date` in ms since 1970 · there is no such Pod any more · something
 * that does not help, and why, with the status where there was an answer, and the account that was refused.
 */
export type PodAnswer =
  | { readonly kind: 'pod'; readonly pod: Pod; readonly serverMs: number | undefined }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly why: string; readonly refused?: { readonly status: number; readonly account: ServiceAccount } }

export interface AskInput extends ServiceAccountInput {
  /** For everything together: files, name lookup, connection, handshake, headers and body. */
  readonly timeoutMs: number
  /** Ends the question. */
  readonly signal: AbortSignal
}

/** Asks once, on a connection of its own that is destroyed afterwards. Never rejects, and keeps no process alive. */
export async function askForPod({ timeoutMs, signal, ...input }: AskInput): Promise<PodAnswer> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs).unref()
  signal.addEventListener('abort', () => over.abort(signal.reason), { once: true })
  try {
    const account = await orAborted(readServiceAccount(input), over.signal)
    return answerOf(account, await exchange(account, over.signal))
  } catch (error) {
    return { kind: 'unreadable', why: describe(error) }
  } finally {
    clearTimeout(timer)
  }
}

interface Exchanged {
  readonly status: number
  readonly serverMs: number | undefined
  readonly body: string
}

function answerOf(account: ServiceAccount, { status, serverMs, body }: Exchanged): PodAnswer {
  if (status === 200) {
    const pod = readPod(body, account)
    // A StatefulSet's Pod that was deleted by force may have a successor of the same name.
    if (account.podUid !== undefined && pod.uid !== account.podUid) return { kind: 'gone' }
    return { kind: 'pod', pod, serverMs }
  }
  // Without a token that is bound to the Pod, the name may simply be wrong.
  if (status === 404 && account.podUid !== undefined && saysGone(body, account)) return { kind: 'gone' }
  return { kind: 'unreadable', why: shortLine(`${status}: ${explanationOf(body)}`), refused: { status, account } }
}

/** One request; whatever happens, its socket is gone when this settles. */
function exchange({ host, port, ca, token, namespace, podName }: ServiceAccount, signal: AbortSignal): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const request = get({
      host,
      port,
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(podName)}`,
      headers: { authorization: `Bearer ${token}`, accept: 'application/json', 'user-agent': 'lameduck-kubernetes' },
      ca,
      // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: the token goes to the cluster's own API server, or nowhere.
      rejectUnauthorized: true,
      checkServerIdentity: checkIdentity,
      lookup: cancellableLookup(signal),
      agent: false,
    })
    const onAbort = (): void => fail(signal.reason)
    signal.addEventListener('abort', onAbort)
    request.on('socket', (socket) => socket.unref())
    request.on('error', fail)
    // Node destroys the connection of an answer 101 that nobody listens for, and says nothing.
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      fail(new Error('the answer changes the protocol'))
    })
    request.on('response', (response) => {
      readBody(response).then((body) => {
        end()
        resolve({ status: response.statusCode ?? 0, serverMs: headerMoment(response.headers.date), body })
      }, fail)
    })

    function end(): void {
      signal.removeEventListener('abort', onAbort)
      request.destroy()
    }

    function fail(error: unknown): void {
      end()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

/** Node 22.23 finds no IPv6 address in a certificate: its own check turns the address into an empty name first. */
function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  if (isIPv6(host) && new X509Certificate(certificate.raw).checkIP(host)) return undefined
  return checkServerIdentity(host, certificate)
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestBody) throw new Error(`the answer has more than ${largestBody} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
