import { expect, test } from 'vitest'
import { within } from './support/context.ts'
import { startProgram } from './support/program.ts'
import { get, rawClient } from './support/raw-client.ts'

// Catches: `process.on('SIGTERM', () => server.close())`: before `listen` there is nothing to close, and the start goes on.
test('SIGTERM before listen: the server never listens, and the process ends', async () => {
  const naive = startProgram('slow-start', 'plain')
  await naive.line(/^starting$/)
  naive.child.kill('SIGTERM')
  await naive.line(/^closed$/)
  naive.child.stdin?.write('go on\n')
  await naive.line(/^listening/)
  expect(await within(200, naive.ended)).toBe('pending')

  const real = startProgram('slow-start', 'before')
  await real.line(/^starting$/)
  real.child.kill('SIGTERM')
  const { code, report } = await real.ended
  expect(real.lines.filter((line) => /^(listening|never)/.test(line))).toEqual([])
  expect(report).toMatchObject({ from: 'starting', result: 'clean', steps: expect.arrayContaining([expect.objectContaining({ name: 'http', outcome: 'skipped' })]) })
  expect(code).toBe(report?.exitCode)
})

test('SIGTERM during the start, when the server listens already: a request in flight is answered', async () => {
  const service = startProgram('slow-start', 'behind')
  const port = Number((await service.line(/^listening on (\d+)$/))[1])
  await service.line(/^starting$/)
  const client = await rawClient(port)
  client.send(get('/'))
  await service.line(/^asked$/)
  service.child.kill('SIGTERM')
  // The listener closes only when the signal has arrived, and then the answer is due.
  await expect.poll(() => rawClient(port).then((late) => late.ended, (error: NodeJS.ErrnoException) => error.code), { timeout: 10_000 }).toBe('ECONNREFUSED')
  service.child.stdin?.write('answer\n')

  expect(await client.until(/ok$/)).toMatch(/connection: close/i)
  expect((await service.ended).report).toMatchObject({ from: 'starting', steps: expect.arrayContaining([expect.objectContaining({ name: 'http', outcome: 'drained' })]) })
})

test('with no server attached, and with one that nobody made listen, the process ends as well', async () => {
  for (const which of ['none', 'silent']) {
    const service = startProgram('no-server', which)
    await service.line(/^ready$/)
    service.child.kill('SIGTERM')
    expect(await service.ended).toMatchObject({ code: 0, report: { result: 'clean' } })
  }
})
