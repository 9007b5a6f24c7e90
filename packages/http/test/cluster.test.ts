import { expect, onTestFinished, test } from 'vitest'
import { askForEver } from './support/keep-alive-client.ts'
import { startProgram } from './support/program.ts'

/** What pm2 waits by default before it kills. */
const killTimeoutMs = 1_600

// Catches: `process.exit()` on the signal. pm2 and Ctrl-C send SIGINT, everything else SIGTERM.
test.each(['SIGTERM', 'SIGINT'] as const)('one of two cluster workers gets %s under load, and nothing is lost', async (signal) => {
  expect((await lostOf('exit', signal)).length).toBeGreaterThan(0)
  expect(await lostOf('drain', signal)).toEqual([])
})

// Catches: leaving as soon as the listener is closed, of which the primary has not heard. What it hands to a worker that has gone is lost now and then.
test('a worker waits until the primary has heard that it closes', async () => {
  const { lost, lines } = await leave('blocked', 'SIGTERM')
  const atOf = (what: string): number => Number(lines.find((line) => line.startsWith(`${what} `))?.split(' ')[1])
  expect(atOf('stopped')).toBeGreaterThanOrEqual(atOf('free'))
  expect(lost).toEqual([])
})

async function lostOf(how: 'exit' | 'drain', signal: NodeJS.Signals): Promise<readonly string[]> {
  return (await leave(how, signal)).lost
}

async function leave(how: 'exit' | 'drain' | 'blocked', signal: NodeJS.Signals): Promise<{ readonly lost: readonly string[]; readonly lines: readonly string[] }> {
  const primary = startProgram('cluster', how)
  const listens = /^worker (\d+) listens on (\d+)$/
  await primary.line(listens)
  await expect.poll(() => primary.lines.filter((line) => listens.test(line)).length, { timeout: 10_000 }).toBe(2)
  const [leaving, staying] = primary.lines.map((line) => Number(listens.exec(line)?.[1]))
  onTestFinished(() => tryKill(staying))
  const load = askForEver(Number((await primary.line(listens))[2]), 16)
  await expect.poll(() => load.tally.answered).toBeGreaterThan(100)

  process.kill(Number(leaving), signal)
  const killer = setTimeout(tryKill, killTimeoutMs, leaving)
  expect((await primary.line(new RegExp(`^gone ${leaving} (.*)$`)))[1]).toBe('0')
  clearTimeout(killer)
  const { answered } = load.tally
  await expect.poll(() => load.tally.answered).toBeGreaterThan(answered + 100)
  await load.stop()
  return { lost: load.tally.lost, lines: primary.lines }
}

function tryKill(pid: number | undefined): void {
  try {
    process.kill(Number(pid), 'SIGKILL')
  } catch {
    // Gone already.
  }
}
