import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { resourceSuite, type Harness, type Subject } from '@lameduck/conformance'
import { test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { gate } from './support/serve.ts'

/** A server whose peer is a client in a process of its own, which can be frozen and killed. */
interface HttpSubject extends Subject {
  readonly server: Server
  readonly client: ChildProcess
  readonly gates: Map<string, ReturnType<typeof gate>>
  /** Without a complete answer. */
  readonly held: Set<ServerResponse>
}

const program = fileURLToPath(new URL('programs/client.mjs', import.meta.url))
let lastId = 0

const harness: Harness<HttpSubject> = {
  members: ['start', 'preStop', 'quiesce', 'inFlight', 'waitingFor', 'lastArrival', 'tally', 'force'],
  afterQuiesce: 'serves',
  async create() {
    const gates = new Map<string, ReturnType<typeof gate>>()
    const held = new Set<ServerResponse>()
    const server = createServer((request, response) => {
      const due = gates.get(request.url ?? '')
      held.add(response)
      response.on('close', () => held.delete(response))
      if (due) void due.opened.then(() => response.end('ok'))
      else response.end('ok')
    })
    const client = fork(program, { execArgv: [] })
    await once(client, 'message')
    const resource = httpServer(server, { listen: { port: 0, host: '127.0.0.1' }, unusedGraceMs: 50 })
    return { server, client, gates, held, resource }
  },
  async dispose({ server, client, gates }) {
    for (const each of gates.values()) each.open()
    server.close()
    server.closeAllConnections()
    if (client.exitCode !== null || client.signalCode !== null) return
    const gone = once(client, 'exit')
    client.kill('SIGKILL')
    await gone
  },
  open: async ({ client, server }) => void (await tell(client, 'open', { port: portOf(server) })),
  async busy({ client, server, gates }) {
    const path = `/slow/${(lastId += 1)}`
    const due = gate()
    gates.set(path, due)
    const seen = new Promise<void>((resolve) => {
      server.on('request', function look({ url }) {
        if (url !== path) return
        server.off('request', look)
        resolve()
      })
    })
    const outcome = tell(client, 'ask', { port: portOf(server), path }) as Promise<'finished' | 'failed'>
    await seen
    return { outcome, finish: () => due.open() }
  },
  offer: async ({ client, server }) => (await tell(client, 'ask', { port: portOf(server), path: '/short' })) === 'finished',
  async fail({ held }) {
    await Promise.all([...held].map((response) => once(response.destroy(), 'close')))
  },
  freeze: ({ client }) => void client.kill('SIGSTOP'),
  thaw: ({ client }) => void client.kill('SIGCONT'),
  async kill({ client, server }) {
    const open = await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
    client.kill('SIGKILL')
    if (client.exitCode === null && client.signalCode === null) await once(client, 'exit')
    if (open > 0) await untilNone(server)
  },
  connections: async ({ client }) => Number(await tell(client, 'connections')),
}

resourceSuite({ test, harness })

/** The client may be dead: then everything that it was asked has failed. */
function tell(client: ChildProcess, command: string, parameters: object = {}): Promise<unknown> {
  const id = (lastId += 1)
  return new Promise((resolve) => {
    const onMessage = (message: unknown): void => {
      const { id: of, result } = message as { id: number; result: unknown }
      if (of === id) settle(result)
    }
    const onExit = (): void => settle('failed')
    client.on('message', onMessage).on('exit', onExit)
    if (client.connected) client.send({ id, command, ...parameters })
    else settle('failed')

    function settle(result: unknown): void {
      client.off('message', onMessage).off('exit', onExit)
      resolve(result)
    }
  })
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0
}

async function untilNone(server: Server): Promise<void> {
  for (;;) {
    const open = await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
    if (open === 0) return
    await new Promise(setImmediate)
  }
}
