import { createServer, type Server } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, within } from './support/context.ts'
import { startProgram } from './support/program.ts'
import { serve } from './support/serve.ts'

const count = 10_000

// Catches: destroying all of them in one go: the loop stands still for some hundred ms, and with it the answers that are due.
test('ten thousand idle connections are ended in slices, with turns of the event loop between them', async () => {
  const naive = await slices(1_000, (server) => async () => server.closeAllConnections())
  expect(naive).toEqual([1_000])

  const real = await slices(count, (server) => {
    const resource = httpServer(server)
    return async () => expect(await within(20_000, Promise.resolve(resource.drain(drainContext(25_000))))).toBeUndefined()
  })
  expect(real.reduce((sum, each) => sum + each, 0)).toBe(count)
  // A share and not a time, which a busy machine makes longer; a slice of 3 ms holds some three hundredths.
  expect(Math.max(...real)).toBeLessThan(count / 10)
}, 90_000)

/** How many connections were closed in each turn of the event loop in which there were any. */
async function slices(wanted: number, attach: (server: Server) => () => Promise<unknown>): Promise<number[]> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => void response.end('ok'))
  const end = attach(server)
  let closed = 0
  server.on('connection', (socket) => socket.on('close', () => (closed += 1)))
  const clients = startProgram('many-clients', await serve(server), wanted)
  await clients.line(/^ready$/)
  const found: number[] = []
  let before = 0
  let over = false
  onTestFinished(() => {
    over = true
  })
  // What was destroyed in one turn has its `close` at the end of that turn.
  const look = (): void => {
    if (closed > before) found.push(closed - before)
    before = closed
    if (!over) setImmediate(look)
  }
  look()
  await end()
  await clients.line(/^ended/)
  look()
  over = true
  clients.child.kill('SIGKILL')
  expect(clients.lines).toContain(`ended ${wanted}, failed 0`)
  return found
}
