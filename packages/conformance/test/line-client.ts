import type { Resource } from '@lameduck/core'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import { once } from 'node:events'
import { tcpLink, type Harness, type Subject, type TcpLink, type Work } from '../src/index.ts'

// A small client over a real TCP server, written the way an adapter should be: the suite must find nothing in it.
// Lines: `hello`, `ping`, `bye` are answered at once; `work <id>` is answered when the server is told to.

export interface LineServer {
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
  readonly release: (id: number) => void
  readonly close: () => void
}

/** Its sockets are unreferenced, so that what is active in the process is the client's. */
export async function startLineServer(): Promise<LineServer> {
  const sockets = new Set<Socket>()
  const held = new Map<number, Socket>()
  const released = new Set<number>()
  const server: Server = createServer({ noDelay: true }, (socket) => {
    socket.unref()
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    readLines(socket).on('line', (line) => {
      const [verb = '', id = ''] = line.split(' ')
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
function readLines(socket: Socket): Interface {
  return createInterface({ input: socket }).on('error', () => {})
}

export interface LineClient extends Subject {
  readonly server: LineServer
  /** What the client connects to. */
  readonly link: TcpLink
  readonly resource: Resource
  readonly state: {
    socket: Socket | undefined
    starting: boolean
    /** The peer went away, and not by our doing. */
    lost: boolean
    forced: boolean
    drained: boolean
    quiesced: boolean
    frozen: boolean
    arrivedAt: number | undefined
    drain: Promise<void> | undefined
    /** Timers that mutants forget; cleared by `dispose`. */
    readonly leaks: NodeJS.Timeout[]
  }
  readonly pending: Map<number, { readonly verb: string; readonly settle: (error?: Error) => void }>
  readonly request: (verb: string) => { id: number; answered: Promise<void> }
  readonly works: () => number
}

/** @param serves whether work is still accepted between `quiesce` and `drain` */
export async function createLineClient(serves: boolean): Promise<LineClient> {
  const server = await startLineServer()
  const link = await tcpLink(server)
  const pending: LineClient['pending'] = new Map()
  const state: LineClient['state'] = {
    socket: undefined, starting: false, lost: false, forced: false, drained: false, quiesced: false, frozen: false, arrivedAt: undefined, drain: undefined, leaks: [],
  }
  let lastId = 0
  const idle = new Set<() => void>()

  const client: LineClient = {
    server,
    link,
    state,
    pending,
    works: () => [...pending.values()].filter(({ verb }) => verb === 'work').length,
    request(verb) {
      const id = (lastId += 1)
      const answered = new Promise<void>((resolve, reject) => {
        if (verb === 'work') state.arrivedAt = performance.now()
        if (state.quiesced && verb === 'work') return reject(new Error('refused: quiesced'))
        if (!state.socket || state.socket.destroyed) return reject(new Error('not connected'))
        pending.set(id, { verb, settle: (error) => (error ? reject(error) : resolve()) })
        state.socket.write(`${verb} ${id}\n`)
      })
      return { id, answered }
    },
    resource: {
      name: 'line client',
      phase: 'connections',
      async start({ signal }) {
        state.starting = true
        const socket = connect({ port: link.port, host: link.host, noDelay: true })
        state.socket = socket
        socket.on('error', () => {})
        socket.once('close', () => {
          state.lost = !state.forced && !state.drained && !signal.aborted
          settleAll(new Error('connection closed'))
        })
        readLines(socket).on('line', (line) => settleOne(Number(line.split(' ')[1])))
        const onAbort = (): void => void socket.destroy()
        signal.addEventListener('abort', onAbort)
        if (signal.aborted) onAbort()
        try {
          await client.request('hello').answered
        } finally {
          state.starting = false
          signal.removeEventListener('abort', onAbort)
        }
      },
      check: ({ signal }) => orAborted(client.request('ping').answered, signal),
      preStop() {},
      quiesce() {
        state.quiesced = !serves
      },
      inFlight: () => client.works(),
      waitingFor: () => [...pending].filter(([, { verb }]) => verb === 'work').map(([id]) => `work ${id}`),
      lastArrival: () => state.arrivedAt,
      unfinished: () => client.works(),
      drain: ({ signal }) => (state.drain ??= drain(signal)),
      force() {
        state.forced = true
        state.socket?.destroy()
        settleAll(new Error('cut'))
      },
    },
  }
  return client

  async function drain(signal: AbortSignal): Promise<void> {
    try {
      if (client.works() > 0) await orAborted(new Promise<void>((resolve) => idle.add(resolve)), signal)
      const { socket } = state
      if (!socket || socket.destroyed) return
      state.drained = true
      socket.end()
      await orAborted(once(socket, 'close'), signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  function settleOne(id: number, error?: Error): void {
    const request = pending.get(id)
    pending.delete(id)
    request?.settle(error)
    if (client.works() > 0) return
    for (const resolve of idle) resolve()
    idle.clear()
  }

  function settleAll(error: Error): void {
    for (const id of pending.keys()) settleOne(id, error)
  }
}

export async function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
  })
  try {
    await Promise.race([promise, aborted])
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort)
  }
}

/** @param mutate replaces the resource by a broken one */
export function lineHarness(serves: boolean, mutate: (client: LineClient) => Partial<Resource> = () => ({})): Harness<LineClient> {
  return {
    members: ['start', 'check', 'preStop', 'quiesce', 'inFlight', 'waitingFor', 'lastArrival', 'unfinished', 'force'],
    async create() {
      const client = await createLineClient(serves)
      const changes = mutate(client)
      return { ...client, resource: { ...client.resource, ...changes } }
    },
    async dispose({ state, pending, server, link }) {
      for (const timer of state.leaks) clearInterval(timer)
      state.socket?.destroy()
      for (const { settle } of pending.values()) settle(new Error('disposed'))
      await link.close()
      server.close()
    },
    busy({ request, server }): Work {
      const { id, answered } = request('work')
      const outcome = answered.then(
        () => 'finished' as const,
        () => 'failed' as const,
      )
      return { outcome, finish: () => server.release(id) }
    },
    afterQuiesce: serves ? 'serves' : 'refuses',
    async offer({ request, server }) {
      const { id, answered } = request('work')
      server.release(id)
      return answered.then(
        () => true,
        () => false,
      )
    },
    freeze({ link, state }) {
      state.frozen = true
      link.freeze()
    },
    thaw: ({ link }) => link.thaw(),
    async kill({ link, state }) {
      const closed = new Promise<unknown>((resolve) => (state.socket ? state.socket.once('close', resolve) : resolve(undefined)))
      await link.kill()
      await closed
    },
    connections: ({ server }) => server.sockets.size,
  }
}
