import { once } from 'node:events'
import { WebSocket } from 'ws'

/**
 * Sends a message and waits for it to come back. 1001 tells a client that what has no answer yet may be sent again, elsewhere; that
 * is recorded as repeated. Any other end is lost: as a CLOSE, and as a SEND when a message had no answer.
 */
export function createSession(client) {
  let socket
  let count = 0
  return {
    async round() {
      const id = `${client.id}-${(count += 1)}`
      await client.attempt({ method: 'SEND' }, async (attempt) => {
        for (;;) {
          socket ??= await open(attempt)
          attempt.via(socket._socket)
          const { answer, code } = await exchange(socket, id, attempt)
          if (answer === id) return
          socket = undefined
          if (code !== 1001) return attempt.lose('failed', `no answer, and the connection was closed with ${code}`)
          client.record('repeated', id)
        }
      })
    },
    close: () => socket?.terminate(),
  }

  async function open(attempt) {
    const opened = new WebSocket(`ws://${client.host}:${client.port}/`)
    await once(opened, 'open', { signal: attempt.signal })
    const { localPort } = opened._socket
    opened.on('error', () => {})
    opened.once('close', (code) => {
      if (socket === opened) socket = undefined
      if (client.signal.aborted) return
      void client.attempt({ method: 'CLOSE' }, (closing) => {
        closing.via({ localPort })
        if (code !== 1001) closing.lose('failed', `closed with ${code}`)
      })
    })
    return opened
  }
}

function exchange(socket, id, attempt) {
  return new Promise((resolve) => {
    const end = (result) => {
      socket.off('message', onMessage)
      socket.off('close', onClose)
      resolve(result)
    }
    const onMessage = (message) => end({ answer: String(message) })
    const onClose = (code) => end({ code })
    socket.on('message', onMessage)
    socket.once('close', onClose)
    attempt.signal.addEventListener('abort', () => end({ code: 'none' }), { once: true })
    socket.send(id, () => {})
  })
}
