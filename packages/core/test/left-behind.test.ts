import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { runProgram, term } from './tools/run-program.ts'

const upstream = createServer((request, response) => {
  if (request.url === '/stream') response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  if (request.url === '/slow') setTimeout(() => response.end(), 100)
  if (request.url === '/half') response.writeHead(200, { 'content-length': '2' }).write('1')
  if (request.url === '/') response.end()
  // The others get no answer.
})
upstream.on('upgrade', (_request, socket) => socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'))

beforeAll(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => {
  upstream.close()
  upstream.closeAllConnections()
})

const run = (node: (typeof nodes)[number], how: string) => runProgram(node, 'left-behind', { parameters: [how, `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`], on: { ready: term } })

describe.each(nodes)('$name: what is under way when the stop is over, and known to no resource', (node) => {
  test.each(['fetch', 'node:http', 'upload'])('a request without an answer makes the result unknown, and one line names it without its query (%s)', async (how) => {
    const { code, report, stderr } = await run(node, how)
    expect({ code, result: report?.result, steps: report?.steps.map(({ outcome }) => outcome) }).toEqual({ code: 0, result: 'unknown', steps: ['idle'] })
    const [warning] = report?.warnings ?? []
    expect(warning).toMatch(/^When everything had stopped, 1 request of this process had no complete answer yet \(POST http:\/\/127\.0\.0\.1:\d+\/orders\), and no resource waited for it\./)
    expect(stderr).toBe(`lameduck: warning: ${warning}\nlameduck: stopped on SIGTERM; it is not known whether all work was finished: see the warnings\n`)
  })

  test('so do those that wait until a socket of their agent is free', async () => {
    const { report } = await run(node, 'agent')
    expect(report?.warnings[0]).toMatch(/3 requests .* \(POST \S+\/1; POST \S+\/2; POST \S+\/3\)/)
  })

  test.each(['half fetch', 'half post'])('so does an answer to a POST that has only begun (%s)', async (how) => {
    const { report } = await run(node, how)
    expect(report).toMatchObject({ result: 'unknown', warnings: [expect.stringMatching(/1 request .*\(POST \S+\/half\)/)] })
  })

  test('of many requests three are named', async () => {
    const { report } = await run(node, 'many')
    expect(report?.warnings[0]).toMatch(/5 requests .* \(GET \S+\/1; GET \S+\/2; GET \S+\/3; and 2 more\)/)
  })

  test('an answer that is due on a server which nobody registered makes it unknown, too', async () => {
    const { report } = await run(node, 'unknown server')
    expect(report?.result).toBe('unknown')
    expect(report?.warnings).toEqual(['When everything had stopped, 1 request to a server that is not in the lifecycle had no complete answer yet (GET /orders). Add the server by httpServer().'])
  })

  test.each(['child', 'helper'])('a child process makes it unknown, too (%s)', async (how) => {
    const { report } = await run(node, how)
    expect(report?.result).toBe('unknown')
    expect(report?.warnings[0]).toMatch(/^When everything had stopped, 1 child process was still running \(\d+, \S*node\S*\), which the end of a container kills\./)
  })

  test.each(['answered', 'posted', 'own events', 'streams', 'upgraded', 'tracked', 'unref child', 'unref helper', 'unref request'])('what was answered, waited for, or is for nobody to wait for does not (%s)', async (how) => {
    const { code, report, stderr } = await run(node, how)
    expect({ code, result: report?.result, warnings: report?.warnings, stderr }).toEqual({ code: 0, result: 'clean', warnings: [], stderr: '' })
  })

  test.each(['refused fetch', 'refused localhost', 'refused request', 'refused machine'])('a request to a server that the stop has closed makes it unknown, though its error was caught (%s)', async (how) => {
    const { code, report } = await run(node, how)
    expect({ code, result: report?.result }).toEqual({ code: 0, result: 'unknown' })
    expect(report?.warnings).toEqual([expect.stringMatching(/^While the service stopped, 1 request of this process found nobody at \S+:\d+ \(POST http:\/\/[\w.]+:\d+\/orders\)\. If that was a server of this service, whoever calls/)])
  })

  test('a server that was not there before the stop either was not taken away by it', async () => {
    const { report } = await run(node, 'refused before')
    expect(report).toMatchObject({ result: 'clean', warnings: [] })
  })

  test('what was cut is not told twice', async () => {
    const { report } = await run(node, 'in a cut')
    expect(report).toMatchObject({ result: 'forced', warnings: [] })
  })
})
