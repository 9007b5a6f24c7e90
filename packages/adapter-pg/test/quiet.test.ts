import { expect, onTestFinished, test } from 'vitest'
import { sessions, sessionsLeft, untilActive } from './support/observe.ts'
import { startPrivateServer, type PrivateServer } from './support/postgres.ts'
import { runService } from './support/run-service.ts'

/** Starts the service on a server of its own, and ends it for the reason of the test. */
async function stopped(onReady: (postgres: PrivateServer) => Promise<void>) {
  const postgres = await startPrivateServer()
  onTestFinished(() => postgres.stop())
  const service = runService(new URL('fixtures/quiet-service.mjs', import.meta.url).pathname, { DATABASE_URL: postgres.url })
  await service.printed(/^ready$/)
  await untilActive(postgres.admin, 'quiet', 4)
  await onReady(postgres)
  service.terminate()
  await service.printed(/^stopped /)
  return { postgres, service }
}

async function becomesQuiet(service: ReturnType<typeof runService>): Promise<void> {
  const { code, stderr } = await service.ended
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(service.lines).toContain('stopped knex forced, pg client forced, pg forced')
  // The one timer is that of the 10 s. A request to cancel that has no answer stays a quarter of a second, but holds nothing up.
  expect(Number(/alive for (\d+) ms/.exec(service.lines.join())?.[1])).toBeLessThan(200)
  const left = JSON.parse(service.lines.find((line) => line.startsWith('quiet '))!.slice(6)) as object
  expect(left).toEqual({ happened: [], settled: 7, active: ['Timeout'], pool: [0, 0, 0], listeners: -1 })
}

test('after force nothing happens for 10 s, nothing is left in the process, and no session on the server', { timeout: 60_000 }, async () => {
  await Promise.all([onServerThatAnswers(), onFrozenServer()])
})

async function onServerThatAnswers(): Promise<void> {
  const { postgres, service } = await stopped(async () => {})
  expect(await sessionsLeft(postgres.admin, 'quiet')).toBe(0)
  await becomesQuiet(service)
  expect(await sessions(postgres.admin, 'quiet')).toEqual([])
}

async function onFrozenServer(): Promise<void> {
  const { postgres, service } = await stopped((server) => server.freeze())
  await becomesQuiet(service)
  await postgres.thaw()
  expect(await sessionsLeft(postgres.admin, 'quiet')).toBe(0)
}
