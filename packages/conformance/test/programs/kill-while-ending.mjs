// Kills a link in the turn in which the server's end is passed on to a client; `naive` does it with Node's own reset.
import { tcpLink } from '@lameduck/conformance'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).resume())
await once(server.listen(0, '127.0.0.1'), 'listening')

if (process.argv[2] === 'ours') {
  const link = await tcpLink({ port: server.address().port })
  for (let round = 0; round < 20; round += 1) {
    const client = connect({ port: link.port, allowHalfOpen: true }).on('error', () => {}).resume()
    const [atServer] = await once(server, 'connection')
    client.once('close', () => atServer.destroy())
    atServer.end()
  }
  await new Promise(setImmediate)
  await link.kill()
} else {
  const client = connect({ port: server.address().port, allowHalfOpen: true }).on('error', () => {}).resume()
  const [atServer] = await once(server, 'connection')
  atServer.end('x')
  atServer.resetAndDestroy()
  client.destroy()
}
server.close()
console.log('done')
