import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { schedule } from './schedule.ts'
import { trackedWork } from './tracked-work.ts'

const noPromise = 'it returned no promise, so nobody knows when its work is over: return the promise of what it begins, not `void f()`; if it begins nothing, make it async'

function world(): { lifecycle: Lifecycle; warnings: string[] } {
  const lifecycle = createLifecycle({ env: {} })
  const warnings: string[] = []
  lifecycle.subscribe((event) => event.type === 'warning' && warnings.push(event.message))
  return { lifecycle, warnings }
}

test('work that returns no promise is a warning when it comes first, once for each name', async () => {
  const { lifecycle, warnings } = world()
  const work = trackedWork('jobs')
  lifecycle.add(work)
  await work.run(function send() {})
  expect(warnings).toEqual([`jobs: send: ${noPromise}`])
  await work.run(function send() {})
  work.wrap(() => 1, 'index')()
  await work.run(() => {}, 'mail')
  expect(warnings).toEqual(['send', 'index', 'mail'].map((what) => `jobs: ${what}: ${noPromise}`))
})

test('… and few names are told', async () => {
  const { lifecycle, warnings } = world()
  const work = trackedWork('jobs')
  lifecycle.add(work)
  for (let order = 0; order < 100; order += 1) await work.run(() => {}, `order ${order}`)
  expect(warnings).toHaveLength(5)
})

test('so is a run of a schedule', async () => {
  const { lifecycle, warnings } = world()
  let run = async (): Promise<void> => {}
  lifecycle.add(schedule('poll', () => {}, (given) => ((run = given), () => {})))
  await lifecycle.start()
  await run()
  await run()
  expect(warnings).toEqual([`poll: a run: ${noPromise}`])
})

test('what came before the work was added is told then', async () => {
  const { lifecycle, warnings } = world()
  const work = trackedWork('jobs')
  await work.run(() => {}, 'mail')
  lifecycle.add(work)
  expect(warnings).toEqual([`jobs: mail: ${noPromise}`])
})

test.each<[string, (work: ReturnType<typeof trackedWork>) => unknown]>([
  ['a promise', (work) => work.run(() => Promise.resolve())],
  ['an async function', (work) => work.run(async () => {})],
  ['what throws', (work) => work.run(() => { throw new Error('no') }).catch(() => {})],
])('there is none of %s', async (_what, call) => {
  const { lifecycle, warnings } = world()
  const work = trackedWork('jobs')
  lifecycle.add(work)
  await call(work)
  expect(warnings).toEqual([])
  expect((await lifecycle.stop()).result).toBe('clean')
})

test('in a stop the report tells it, and no warning', async () => {
  const { lifecycle, warnings } = world()
  const work = trackedWork('jobs')
  lifecycle.add(work)
  const stopped = lifecycle.stop()
  await work.run(() => {}, 'mail')
  expect(await stopped).toMatchObject({ result: 'unknown', warnings: [] })
  expect(warnings).toEqual([])
})

test('nor for what was removed', async () => {
  const { lifecycle, warnings } = world()
  const work = trackedWork('jobs')
  lifecycle.add(work).remove()
  await work.run(() => {}, 'mail')
  expect(warnings).toEqual([])
})
