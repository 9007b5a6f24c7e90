import { LifecycleError, requireOptions, show } from '@lameduck/core'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Transform, type TransformCallback } from 'node:stream'

/** Where the server is: an address, or the path of a Unix socket. */
export type TcpTarget = { readonly host?: string; readonly port: number } | { readonly path: string }

/**
 * A way from one client to its server that may be frozen and cut without harm to the server and its other clients. The client
 * connects to `host` and `port`. Nothing of the link is referenced: what is active in the process is the client's.
 */
export interface TcpLink {
  readonly host: string
  readonly port: number
  /** How many connections the client has open: neither ended nor closed by it. */
  connections(): number
  /** Resolves when the client has no connection open; at once when it has none now. */
  unused(): Promise<void>
  /**
   * Nothing goes through any more, in either direction, and nothing is lost: neither data nor the end of a connection. New
   * connections are accepted, and get no answer. As with a process that got SIGSTOP, the first 64 KiB that the client
   * writes are taken in.
   */
  freeze(): void
  /** Lets go on what `freeze` held up. */
  thaw(): void
  /**
   * Cuts every connection and refuses new ones for good, frozen or not; resolves when that is done, which the client may learn a
   * moment later. `'reset'` is a server that was killed, `'end'` one that closed its side in order.
   * @default 'reset'
   */
  kill(how?: 'reset' | 'end'): Promise<void>
  /** Releases everything, in every state. */
  close(): Promise<void>
}

const takenInBytes = 64 * 1024

/**
 * Opens a link to the server at `target`, on a free port of 127.0.0.1. When the server does not answer, the client's connection is
 * reset.
 *
 * @throws LifecycleError `invalid-option` when `target` has neither a port nor a path.
 */
export async function tcpLink(target: TcpTarget): Promise<TcpLink> {
  validateTarget(target)
  const sockets = new Set<Socket>()
  const open = new Set<Socket>()
  const onUnused = new Set<() => void>()
  const onThaw = new Set<() => void>()
  let isFrozen = false

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = 'path' in target ? connect({ path: target.path, allowHalfOpen: true }) : connect({ port: target.port, host: target.host ?? '127.0.0.1', allowHalfOpen: true })
    open.add(client)
    // Before `end` is passed on, so that whoever sees it at the server finds the count right.
    client.once('end', () => left(client)).once('close', () => left(client))
    follow(client, upstream)
    follow(upstream, client)
    client.pipe(gate()).pipe(upstream)
    upstream.pipe(gate()).pipe(client)
  })
  server.unref()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    host: '127.0.0.1',
    port,
    connections: () => open.size,
    unused: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => void onUnused.add(resolve))),
    freeze() {
      isFrozen = true
    },
    thaw() {
      isFrozen = false
      callAll(onThaw)
    },
    kill: (how = 'reset') => cut(how === 'reset' ? reset : (socket) => void socket.destroy()),
    close: () => cut((socket) => void socket.destroy()),
  }

  /** Passes on what it is given, unless the link is frozen: then it keeps it until that is over. */
  function gate(): Transform {
    return new Transform({
      highWaterMark: takenInBytes,
      transform: (chunk: Buffer, _encoding, done: TransformCallback) => whenThawed(() => done(null, chunk)),
      flush: (done: TransformCallback) => whenThawed(() => done()),
    })
  }

  /** The end of a connection goes its way through the pipe; that it broke does not. */
  function follow(socket: Socket, other: Socket): void {
    socket.unref()
    // The client's own choice to send small writes at once must not end here.
    socket.setNoDelay(true)
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', (isBroken) => {
      sockets.delete(socket)
      if (isBroken) whenThawed(() => reset(other))
    })
  }

  function left(client: Socket): void {
    open.delete(client)
    if (open.size === 0) callAll(onUnused)
  }

  function whenThawed(action: () => void): void {
    if (isFrozen) onThaw.add(action)
    else action()
  }

  async function cut(end: (socket: Socket) => void): Promise<void> {
    onThaw.clear()
    isFrozen = false
    const closed = [...sockets].map((socket) => new Promise<unknown>((resolve) => socket.once('close', resolve)))
    if (server.listening) {
      closed.push(once(server, 'close'))
      server.close()
    }
    for (const socket of sockets) end(socket)
    await Promise.all(closed)
  }
}

/**
 * Node's own reset fails with EINVAL while a FIN is on its way; the socket then never closes, and the process spins for ever when
 * it should exit (Node 20–26). The peer of such a socket learns of the end by that FIN.
 */
function reset(socket: Socket): void {
  const isSayingFin = socket.writableEnded && !socket.writableFinished
  if (socket.connecting || isSayingFin) socket.destroy()
  else socket.resetAndDestroy()
}

function callAll(callbacks: Set<() => void>): void {
  const due = [...callbacks]
  callbacks.clear()
  for (const call of due) call()
}

function validateTarget(target: TcpTarget): void {
  const { host, port, path } = requireOptions<{ host?: string; port?: number; path?: string }>(target, { host: true, port: true, path: true }, 'tcpLink()')
  const isTarget = 'path' in target ? isText(path) && host === undefined && port === undefined : isPort(port) && (host === undefined || isText(host))
  if (!isTarget) throw new LifecycleError('invalid-option', `tcpLink() takes { host, port } or { path } of the server; it was given ${show(JSON.stringify({ host, port, path }))}`)
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isPort = (value: unknown): boolean => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536
