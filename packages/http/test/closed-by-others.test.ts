import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { createLifecycle, type StepReport } from '@lameduck/core'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { get, rawClient, type RawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

type Closer = (server: Server, upgraded: readonly Duplex[]) => void

/** What applications and frameworks do to a server behind our back; only one of them cuts what is in flight. */
const closers: readonly [string, Closer][] = [
  ['close()', (server) => void server.close()],
  ['closeAllConnections()', (server) => server.closeAllConnections()],
  [
    'what socket.io does',
    (server, upgraded) => {
      for (const socket of upgraded) socket.destroy()
      server.close()
    },
  ],
  [
    'close(), twice',
    (server) => {
      server.close()
      server.close()
    },
  ],
]

const moments = ['before the signal', 'during the lame duck', 'during the drain'] as const

const cases = closers.flatMap(([name, close]) => moments.map((moment) => ({ name, close, moment })))

// Catches: `await promisify(server.close)()`, which is an error when somebody else was faster.
test.each(cases)('$name $moment is taken for done, and what it cuts is counted', async ({ name, close, moment }) => {
  const lifecycle = createLifecycle({ env: {}, policy: { lameDuck: { minMs: 100, quietMs: 0, maxMs: 100 } } })
  const due = gate()
  const upgraded: Duplex[] = []
  const server = createServer((request, response) => (request.url === '/slow' ? void due.opened.then(() => response.end('ok')) : response.end('ok')))
  server.on('upgrade', (_request, socket) => {
    upgraded.push(socket)
    socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    // As a WebSocket library does: the other side's goodbye ends it.
    socket.on('data', () => socket.end())
  })
  lifecycle.add(httpServer(server))
  const port = await serve(server)
  await lifecycle.start()
  const [idle, chat, busy] = [await rawClient(port), await rawClient(port), await rawClient(port)]
  idle.send(get('/'))
  await idle.until(/ok$/)
  chat.send(get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'))
  await chat.until(/101 Switching[^]*\r\n\r\n/)
  chat.socket.on('data', () => chat.send('bye'))
  busy.send(get('/slow'))
  await once(server, 'request')

  if (moment === 'before the signal') close(server, upgraded)
  const stopped = lifecycle.stop()
  if (moment === 'during the lame duck') close(server, upgraded)
  if (moment === 'during the drain') {
    await once(lifecycle.draining, 'abort')
    close(server, upgraded)
  }
  due.open()

  expect(await outcome(busy)).toMatch(name === 'closeAllConnections()' ? /^cut/ : /connection: close/i)
  const { result, warnings, steps } = await stopped
  const { work, errors } = steps.find((step) => step.name === 'http') as StepReport
  expect(warnings).toEqual([])
  if (name === 'closeAllConnections()' && moment !== 'before the signal') {
    // Catches: an empty server that is taken for a drained one.
    expect([result, work?.failed]).toEqual(['failed', 1])
    expect(errors).toEqual([expect.stringContaining('GET /slow: its connection was closed before the answer was complete')])
  } else {
    expect([result, work?.failed, errors]).toEqual(['clean', 0, []])
  }
  const naive = await new Promise((resolve) => {
    server.close(resolve)
  })
  expect(naive).toMatchObject({ code: 'ERR_SERVER_NOT_RUNNING' })
})

function outcome(client: RawClient): Promise<string> {
  return client.until(/ok$/).catch((error: Error) => `cut: ${error.message}`)
}
