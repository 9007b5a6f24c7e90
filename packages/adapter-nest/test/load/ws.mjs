import { once } from 'node:events'
import { WebSocket } from 'ws'

export function createSession({ host, port, attempt }) {
  let socket
  return {
    async round() {
      await attempt({ method: 'ws', path: 'slow' }, async ({ lose, signal }) => {
        if (socket?.readyState !== WebSocket.OPEN) {
          socket = new WebSocket(`ws://${host}:${port}`)
          await once(socket, 'open', { signal })
        }
        const answer = new Promise((resolve, reject) => {
          const onClose = (code) => reject(new Error(`closed by ${code}`))
          socket.once('close', onClose)
          socket.once('message', (text) => {
            socket.off('close', onClose)
            resolve(String(text))
          })
        })
        socket.send(JSON.stringify({ event: 'slow', data: 'it' }))
        if ((await answer) !== '"open"') lose('bad-status', await answer)
      })
    },
    close: () => socket?.terminate(),
  }
}
