import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { breachesOf } from '../src/lib/invariant.ts'
import { accountsOf, type Performance } from '../src/lib/performance.ts'
import { startService } from '../src/lib/running-service.ts'

const file = fileURLToPath(new URL('controls/control.mjs', import.meta.url))
const accepted = Array.from({ length: 10 }, (_, n) => String(n))

async function performanceOf(mode: string): Promise<Performance> {
  const graceMs = mode.endsWith('it stays') ? 300 : 10_000
  const service = await startService({ file, env: { MODE: mode }, graceMs })
  await service.stop()
  const { report, ending, tookMs, stdout, stderr } = service
  return { accounts: accountsOf({ accepted, done: service.said('done') }, new Set()), report, ending: ending!, tookMs, graceMs, stdout, stderr, mishap: '' }
}

test.concurrent.each([['all is done'], ['six are done, and it counts four']])('accepts: %s', async (mode) => {
  expect(breachesOf(await performanceOf(mode))).toEqual([])
})

test.concurrent.each([
  ['six are done, and it says clean', /says clean, and 4 were lost: 6, 7, 8, 9/],
  ['six are done, and it counts three', /4 were lost, and the report counts 3/],
  ['six are done, and it was cut with one in flight', /4 were lost, and the report counts 1/],
  ['six are done, and it says unknown of none', /4 were lost, and the report counts 0/],
  ['all is done, and its exit code is another', /report is 0, that of the process 1/],
  ['all is done, and a failed stop exits with 0', /says failed has the exit code 0/],
  ['all is done, and it says clean of a step that failed', /says clean, and the step of jobs was failed/],
  ['all is done, and it says clean and counts one', /says clean, and counts 1/],
  ['all is done, and it says clean of a crash', /says clean of a stop that an uncaught error began/],
  ['all is done, and it says nothing', /left without a report \(exit 0\)/],
  ['all is done, and it stays', /after its grace period of 300 ms/],
])('catches: %s', async (mode, breach) => {
  expect(breachesOf(await performanceOf(mode)).join('\n')).toMatch(breach)
})

test('what is done by a unit of many is counted many times', async () => {
  expect(breachesOf(await performanceOf('six are done, and it counts three'), 2)).toEqual([])
})
