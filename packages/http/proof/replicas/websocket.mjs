import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'
import { answer, work } from './answer.mjs'

/** Sends every message back. */
export function create() {
  const server = createServer(answer)
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('message', (data, isBinary) => work(() => socket.send(data, { binary: isBinary })))
  })
  return server
}
