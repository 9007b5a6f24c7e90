import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'
import { cert, key } from './certificate.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

export interface ApiServer {
  /** What the kubelet sets in a container. */
  readonly env: NodeJS.ProcessEnv
  /** Each as `path authorization`, in the order of arrival. */
  readonly requests: readonly string[]
  /** Resolves when a connection has come, and none is open. */
  idle(): Promise<void>
}

/** An HTTPS server on loopback that answers as `handler` wants. */
export async function apiServer(handler: Handler, host: string = '127.0.0.1'): Promise<ApiServer> {
  const requests: string[] = []
  const open = new Set<Duplex>()
  let connected = false
  const server = createServer({ key, cert }, (request, response) => {
    requests.push(`${request.url} ${request.headers.authorization}`)
    handler(request, response)
  })
  server.on('tlsClientError', () => {})
  server.on('connection', (socket) => {
    connected = true
    open.add(socket)
    socket.on('close', () => {
      open.delete(socket)
      server.emit('one-less')
    })
  })
  server.listen(0, host)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return {
    env: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: String((server.address() as AddressInfo).port), HOSTNAME: 'orders-1' },
    requests,
    async idle() {
      while (!connected || open.size > 0) await once(server, 'one-less')
    },
  }
}

/** A folder as the kubelet mounts it. */
export async function mounted(files: { readonly token?: string; readonly 'ca.crt'?: string; readonly namespace?: string } = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lameduck-account-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [file, text] of Object.entries({ token: 'opaque', 'ca.crt': cert, namespace: 'shop', ...files })) await writeFile(join(folder, file), `${text}\n`)
  return folder
}

/** A token with these claims; nobody here verifies its signature. */
export function tokenFor(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part(claims)}.signature`
}

/** A token that is bound to the Pod `orders-1` of the namespace `shop`. */
export function boundToken(podUid: string): string {
  return tokenFor({ 'kubernetes.io': { namespace: 'shop', pod: { name: 'orders-1', uid: podUid }, serviceaccount: { name: 'orders' } } })
}

export interface PodInput {
  readonly uid?: string
  /** Seconds from the wall clock's now to `deletionTimestamp`; without it the Pod is not being deleted. */
  readonly deletionInS?: number
  readonly graceS?: number
  readonly ownGraceS?: number
  readonly preStop?: boolean
  /** The server's clock, in seconds before or after ours. */
  readonly skewS?: number
}

/** The API server's words for a Pod that does not exist. */
export const notFound = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'pods "orders-1" not found', reason: 'NotFound', details: { name: 'orders-1', kind: 'pods' }, code: 404 }

/** Answers with a Pod, as the API server would; `Date` and the timestamp come from its clock. */
export function podAnswer({ uid = 'own', deletionInS, graceS = 30, ownGraceS = 30, preStop = false, skewS = 0 }: PodInput = {}): Handler {
  return (_request, response) => {
    const second = Math.floor(Date.now() / 1_000) + skewS
    const deletion = deletionInS === undefined ? {} : { deletionTimestamp: new Date((second + deletionInS) * 1_000).toISOString().replace('.000', ''), deletionGracePeriodSeconds: graceS }
    const lifecycle = preStop ? { lifecycle: { preStop: { sleep: { seconds: 5 } } } } : {}
    response.setHeader('date', new Date(second * 1_000).toUTCString())
    response.end(
      JSON.stringify({ kind: 'Pod', metadata: { name: 'orders-1', namespace: 'shop', uid, ...deletion }, spec: { terminationGracePeriodSeconds: ownGraceS, containers: [{ name: 'orders', ...lifecycle }] } }),
    )
  }
}
