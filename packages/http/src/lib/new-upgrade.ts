import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Upgrade } from './connection.ts'
import { followMessages, trustUpgraded } from './unanswered-message.ts'

/** @param isWorkKnown somebody else knows what messages on it begin */
export function newUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer | undefined, isWorkKnown: boolean): Upgrade {
  const { socket, method = '', url = '' } = request
  const headBytes = head?.length ?? 0
  const protocol = method === 'CONNECT' ? '' : (request.headers.upgrade ?? '').toLowerCase()
  if (isWorkKnown) trustUpgraded(stream)
  return {
    kind: 'upgraded',
    method,
    url,
    protocol,
    startedAt: performance.now(),
    stream,
    bytesBefore: socket.bytesWritten,
    bytesReadBefore: socket.bytesRead - headBytes,
    lastMessage: protocol === 'websocket' ? followMessages(socket, stream, url, headBytes > 0) : undefined,
    dismissed: false,
  }
}
