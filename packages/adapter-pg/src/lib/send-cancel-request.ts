import { connect, type NetConnectOpts } from 'node:net'
import type { BackendKey } from './pg-internals.ts'

/** Marks the first message of a connection as a CancelRequest (protocol documentation, "Message Formats"). */
const cancelRequestCode = 80_877_102

/** How long an unanswered request stays open after its time, in ms. It keeps no process alive. */
const lingerMs = 250

/**
 * Asks the server to cancel what one backend is doing, and resolves when the server has closed the connection,
 * which it does after it has signalled the backend; at the latest after `timeoutMs`. Never rejects: whatever goes
 * wrong, the client's own socket is destroyed next.
 *
 * The server is the one to close: PgBouncer 1.18 dies, with every service behind it, of a cancel connection that its
 * client closes first, or half closes (pgbouncer#801). So one that has no answer in time is left alone for a while.
 *
 * The request goes unencrypted even where the client uses TLS, as libpq's did until PostgreSQL 17: the server reads
 * it before it asks for TLS or a password. A proxy that accepts nothing but TLS refuses it.
 */
export function sendCancelRequest(server: NetConnectOpts, key: BackendKey, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(server)
    let timer = setTimeout(leave, Math.max(0, timeoutMs))
    socket.on('error', () => {})
    socket.on('connect', () => socket.write(cancelRequest(key)))
    // Reading is what notices the server's close.
    socket.resume()
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })

    function leave(): void {
      socket.unref()
      timer = setTimeout(() => socket.destroy(), lingerMs).unref()
      resolve()
    }
  })
}

function cancelRequest({ processId, secret }: BackendKey): Buffer {
  const secretBytes = Buffer.isBuffer(secret) ? secret : int32(secret)
  return Buffer.concat([int32(12 + secretBytes.length), int32(cancelRequestCode), int32(processId), secretBytes])
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}
