import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface, type Interface } from 'node:readline'

// Lines: `hello`, `ping`, `bye` and `ack <id>` are answered at once; `work <id>` is answered when the server is told to.

export interface LineServer {
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
  readonly acknowledged: ReadonlySet<number>
  readonly release: (id: number) => void
  readonly close: () => void
}

/** Its sockets are unreferenced, so that what is active in the process is the client's. */
export async function startLineServer(): Promise<LineServer> {
  const sockets = new Set<Socket>()
  const held = new Map<number, Socket>()
  const released = new Set<number>()
  const acknowledged = new Set<number>()
  const server: Server = createServer({ noDelay: true }, (socket) => {
    socket.unref()
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    readLines(socket).on('line', (line) => {
      const [verb = '', id = ''] = line.split(' ')
      if (verb === 'ack') acknowledged.add(Number(id))
      if (verb === 'work' && !released.has(Number(id))) held.set(Number(id), socket)
      else socket.write(`${verb} ${id}\n`)
    })
  })
  server.unref()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    sockets,
    acknowledged,
    release(id) {
      released.add(id)
      const socket = held.get(id)
      if (held.delete(id) && socket?.writable) socket.write(`work ${id}\n`)
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A line reader passes on the errors of its socket. */
export function readLines(socket: Socket): Interface {
  return createInterface({ input: socket }).on('error', () => {})
}
