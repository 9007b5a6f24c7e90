import type { Duplex } from 'node:stream'
import { trustUpgraded } from '@lameduck/http'
import { conversation, type Conversation } from '../conversation.ts'

/**
 * A client of gateways: a WebSocket of `ws`, or a connection of engine.io, which several of socket.io's sockets may share. Both keep the raw
 * socket to themselves.
 */
export interface Connection {
  readonly readyState?: unknown
  close(...parameters: unknown[]): unknown
  readonly _socket?: Duplex
  /** Of engine.io alone. */
  readonly transport?: EngineTransport
}

interface EngineTransport {
  readonly name: string
  readonly socket?: { readonly _socket?: Duplex }
  on(event: 'packet', listener: (packet: { readonly type: string }) => void): unknown
}

export interface GatewayClient extends Pick<Conversation, 'begin' | 'isOver'> {
  /** The raw socket, unless it polls. */
  rawSocket(): Duplex | undefined
  /** Lets the messages in hand be answered, and closes the connection so that the client comes back to another replica. */
  leave(signal: AbortSignal): Promise<void>
}

/** Time for a client that polls to fetch the last it was told. */
const lastPollMs = 500

/** @param onRefused told of what comes too late where no handler would hear of it */
export function gatewayClient(connection: Connection, onRefused: () => void): GatewayClient {
  const messages = conversation()
  return {
    begin() {
      const socket = rawSocket()
      if (socket) trustUpgraded(socket)
      return messages.begin()
    },
    get isOver() {
      return messages.isOver
    },
    rawSocket,
    async leave(signal) {
      await messages.end(signal)
      if (connection.transport) closeEngine(connection, connection.transport, onRefused)
      // By its library, behind the answers that may still be compressed.
      else connection.close(1001)
    },
  }

  function rawSocket(): Duplex | undefined {
    return connection._socket ?? connection.transport?.socket?._socket
  }
}

function closeEngine(connection: Connection, transport: EngineTransport, onRefused: () => void): void {
  transport.on('packet', ({ type }) => type === 'message' && onRefused())
  // What waits for the client's next poll is delivered by it.
  connection.close()
  setTimeout(() => connection.readyState !== 'closed' && connection.close(true), lastPollMs)
}
