// A keep-alive client that does what its parent says, over IPC: { id, open } | { id, ask } | { id, connections }, and answers { id, result }.
import { Agent, get } from 'node:http'

const agent = new Agent({ keepAlive: true })
const sockets = new Set()

const commands = {
  /** A connection on which one request has been answered. */
  open: ({ port }) => ask(port, '/short'),
  ask: ({ port, path }) => ask(port, path),
  connections: () => [...sockets].filter((socket) => !socket.destroyed).length,
}

process.on('message', ({ id, command, ...parameters }) => {
  void Promise.resolve(commands[command](parameters)).then((result) => process.send({ id, result }))
})
process.on('disconnect', () => process.exit())
process.send({ id: 0, result: 'ready' })

function ask(port, path) {
  return new Promise((resolve) => {
    const request = get({ port, host: '127.0.0.1', path, agent }, (response) => {
      response.on('error', () => resolve('failed')).on('end', () => resolve(response.statusCode === 200 ? 'finished' : 'failed')).resume()
    })
    request.on('socket', (socket) => sockets.add(socket)).on('error', () => resolve('failed'))
  })
}
