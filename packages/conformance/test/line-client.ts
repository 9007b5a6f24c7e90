import { closedError, createTally, cutError, type Resource } from '@lameduck/core'
import { connect, type Socket } from 'node:net'
import { tcpLink, type Harness, type Subject, type TcpLink, type Work } from '../src/index.ts'
import { readLines, startLineServer, type LineServer } from './line-server.ts'

// A small client over a real TCP server, written the way an adapter should be: the suite must find nothing in it.

type Pending = Map<number, { readonly verb: string; readonly settle: (error?: Error) => void }>

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
    /** Nothing is accepted any more, whatever it is. */
    closed: boolean
    frozen: boolean
    arrivedAt: number | undefined
    drain: Promise<void> | undefined
    ended: (why: unknown) => void
    /** Timers that mutants forget; cleared by `dispose`. */
    readonly leaks: NodeJS.Timeout[]
  }
  readonly pending: Pending
  readonly request: (verb: string) => { id: number; answered: Promise<void> }
  readonly works: () => number
}

/** How long a goodbye is waited for, in ms. */
const goodbyeMs = 100

/** How long those are still served that came after the drain had begun, in ms. */
const lateMs = 20

/** @param serves whether work is still accepted between `quiesce` and `drain` */
export async function createLineClient(serves: boolean): Promise<LineClient> {
  const server = await startLineServer()
  const link = await tcpLink({ port: server.port })
  const pending: Pending = new Map()
  const tally = createTally()
  const state: LineClient['state'] = {
    socket: undefined, starting: false, lost: false, forced: false, drained: false, quiesced: false, closed: false, frozen: false,
    arrivedAt: undefined, drain: undefined, ended: () => {}, leaks: [],
  }
  let lastId = 0
  const onEnd = new Set<() => void>()
  const works = (): number => [...pending.values()].filter(({ verb }) => verb === 'work').length

  const client: LineClient = {
    server,
    link,
    state,
    pending,
    works,
    request(verb) {
      const id = (lastId += 1)
      const what = `${verb} ${id}`
      const isWork = verb === 'work'
      const answered = new Promise<void>((resolve, reject) => {
        if (isWork) state.arrivedAt = performance.now()
        if (state.closed || (state.quiesced && isWork)) {
          if (isWork) tally.refused(verb)
          return reject(closedError('line client', what))
        }
        const settle = (error?: Error): void => (error ? reject(error) : resolve())
        if (!state.socket || state.socket.destroyed) return settle(new Error('not connected'))
        pending.set(id, { verb, settle })
        state.socket.write(`${what}\n`)
      })
      return { id, answered }
    },
    resource: {
      name: 'line client',
      phase: 'connections',
      watch: (ended) => void (state.ended = ended),
      async start({ signal }) {
        state.starting = true
        const onAbort = (): void => void state.socket?.destroy()
        connectSocket()
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
        tally.begin()
        state.quiesced = !serves
      },
      inFlight: works,
      waitingFor: () => [...pending].filter(([, { verb }]) => verb === 'work').map(([id]) => `work ${id}`),
      lastArrival: () => state.arrivedAt,
      tally: tally.read,
      unfinished: works,
      drain: ({ signal }) => (state.drain ??= drain(signal)),
      force() {
        tally.cut(works())
        state.forced = true
        state.closed = true
        state.socket?.destroy()
        settleAll((what) => cutError('line client', what))
      },
    },
  }
  return client

  function connectSocket(isBack = false): void {
    const socket = connect({ port: link.port, host: link.host, noDelay: true })
    state.socket = socket
    let isConnected = false
    socket.on('error', () => {})
    socket.once('connect', () => {
      isConnected = true
      state.lost = false
    })
    socket.once('close', () => {
      const isOurs = state.forced || state.drained || state.starting
      state.lost ||= !isOurs
      settleAll(() => new Error('connection closed'))
      if (isOurs || state.closed) return
      // Once: a connection that comes back, or a peer that is gone for good.
      if (isBack && !isConnected) state.ended(new Error('the server is gone'))
      else connectSocket(true)
    })
    readLines(socket).on('line', (line) => settleOne(Number(line.split(' ')[1])))
  }

  async function drain(signal: AbortSignal): Promise<void> {
    try {
      await orAborted(untilIdle(signal), signal)
      const { socket } = state
      if (!socket || socket.destroyed) return
      state.drained = true
      socket.end()
      await untilClosed(socket)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** Until nothing is pending for a turn; those who came late are served for a while, and what they have in hand is finished. */
  async function untilIdle(signal: AbortSignal): Promise<void> {
    const before = new Set(pending.keys())
    let lateSince: number | undefined
    while (pending.size > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => onEnd.add(resolve))
      await new Promise(setImmediate)
      if (![...before].some((id) => pending.has(id))) lateSince ??= performance.now()
      state.closed = lateSince !== undefined && performance.now() - lateSince > lateMs
    }
    signal.throwIfAborted()
    state.closed = true
  }

  async function untilClosed(socket: Socket): Promise<void> {
    const timer = setTimeout(() => socket.destroy(), goodbyeMs)
    await new Promise((resolve) => socket.once('close', resolve))
    clearTimeout(timer)
  }

  function settleOne(id: number, error?: Error): void {
    const request = pending.get(id)
    if (!request) return
    pending.delete(id)
    if (request.verb === 'work' && !state.forced) {
      if (error) tally.failed(request.verb, error)
      else tally.done()
    }
    request.settle(error)
    for (const resolve of onEnd) resolve()
    onEnd.clear()
  }

  function settleAll(error: (what: string) => Error): void {
    for (const [id, { verb }] of pending) settleOne(id, error(`${verb} ${id}`))
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
    members: ['start', 'check', 'preStop', 'watch', 'quiesce', 'inFlight', 'waitingFor', 'lastArrival', 'tally', 'unfinished', 'force'],
    async create() {
      const client = await createLineClient(serves)
      const changes = mutate(client)
      return { ...client, resource: { ...client.resource, ...changes } }
    },
    async dispose({ state, pending, server, link }) {
      for (const timer of state.leaks) clearInterval(timer)
      state.forced = true
      state.socket?.destroy()
      for (const { settle } of pending.values()) settle(new Error('disposed'))
      await link.close()
      server.close()
    },
    callers: 'here',
    busy({ request, server }): Work {
      const { id, answered } = request('work')
      const outcome = answered.then(
        () => 'finished' as const,
        (error: Error) => error,
      )
      return { outcome, finish: () => server.release(id) }
    },
    afterQuiesce: serves ? 'serves' : 'refuses',
    async offer({ request, server }) {
      const { id, answered } = request('work')
      server.release(id)
      return answered.then(
        () => true,
        (error: Error) => error,
      )
    },
    fail: (client) => kill(client),
    acknowledge({ request, server }) {
      const { id, answered } = request('ack')
      return { answer: answered, arrived: () => server.acknowledged.has(id) }
    },
    freeze({ link, state }) {
      state.frozen = true
      link.freeze()
    },
    thaw: ({ link }) => link.thaw(),
    kill: (client) => kill(client),
    drop({ server }) {
      for (const socket of server.sockets) socket.destroy()
      return server.sockets.size
    },
    end: (client) => kill(client),
    connections: ({ server }) => server.sockets.size,
  }
}

async function kill({ link, state }: LineClient): Promise<void> {
  const closed = new Promise<unknown>((resolve) => (state.socket && !state.socket.destroyed ? state.socket.once('close', resolve) : resolve(undefined)))
  await link.kill()
  await closed
}
