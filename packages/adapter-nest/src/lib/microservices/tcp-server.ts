import type { Server, Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { orAborted, untilIdle } from '@lameduck/core'
import { stopAccepting } from '@lameduck/http'
import { conversation, type Conversation } from '../conversation.ts'
import type { Part } from '../part.ts'
import type { Handlers } from '../track-handlers.ts'
import type { TransportServer } from './transport-server.ts'

interface TcpTransport extends TransportServer {
  readonly server?: Server
  readonly openSockets?: Iterable<Socket>
  handleMessage?: (socket: TcpSocket, message: unknown) => unknown
}

/** Nest's wrapper of a socket, by which a context tells where its message came from. */
interface TcpSocket {
  readonly netSocket?: Socket
}

export interface TcpServerPart extends Part {
  /** For messages that begin. */
  readonly onBegin: (context: unknown) => (() => void) | undefined
}

/** A client that has been told everything gets this long to hang up. Nothing of it is in hand, so it is no loss. */
const hangUpMs = 500

/**
 * The TCP transport serves through the lame duck, as an HTTP server does. Its protocol has no word for "go elsewhere", so clients stay on
 * their connections until the end. Then nothing more is accepted, what is under way is answered, and each connection ends behind its last
 * answer. A message that crosses this end is not handled and counts as refused; its client sees the connection close.
 */
export function tcpServer(transport: TcpTransport, handlers: Handlers): TcpServerPart {
  const { server, handleMessage } = transport
  const conversations = new Map<Socket, Conversation>()
  let lastArrival: number | undefined
  let quiesced = false
  for (const socket of transport.openSockets ?? []) follow(socket)
  server?.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    follow(socket)
    // A probe that only connects is not work.
    if (quiesced) socket.once('data', () => (lastArrival = performance.now()))
  })
  transport.handleMessage = (socket, message) => {
    if (!socket.netSocket || !conversations.get(socket.netSocket)?.isOver) return handleMessage?.call(transport, socket, message)
    handlers.tally.refused(describe(message))
    return Promise.resolve()
  }

  function follow(socket: Socket): void {
    conversations.set(socket, conversation())
    socket.once('close', () => conversations.delete(socket))
  }

  return {
    onBegin(context) {
      const { netSocket } = (context as { getSocketRef?(): TcpSocket }).getSocketRef?.() ?? {}
      return netSocket && conversations.get(netSocket)?.begin()
    },
    quiesce: () => void (quiesced = true),
    lastArrival: () => lastArrival,
    async drain({ remaining, signal }) {
      if (server) await stopAccepting(server, remaining() / 2, signal)
      await Promise.all([...conversations].map(async ([socket, messages]) => {
        await messages.end(signal)
        await orAborted(endSocket(socket), AbortSignal.any([signal]))
      }))
      // Whose client has gone meanwhile.
      await untilIdle(handlers, signal)
    },
    force() {
      for (const socket of conversations.keys()) socket.destroy()
    },
  }
}

/** What is still in its buffer is sent first, however slow its reader is. */
function endSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let isLate: NodeJS.Timeout | undefined
    const hurry = (): void => {
      isLate = setTimeout(() => socket.destroy(), hangUpMs)
    }
    socket.once('close', () => {
      clearTimeout(isLate)
      resolve()
    })
    if (socket.destroyed) return resolve()
    if (socket.writableFinished) hurry()
    else socket.once('finish', hurry)
    socket.end()
  })
}

function describe(message: unknown): string {
  const pattern = (message as { pattern?: unknown } | null)?.pattern
  return typeof pattern === 'string' ? pattern : (JSON.stringify(pattern) ?? 'a message')
}
