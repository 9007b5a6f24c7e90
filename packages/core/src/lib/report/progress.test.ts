import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { createProgress, type Progress } from './progress.ts'

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const

interface Told {
  readonly lameduck: string
  readonly result?: string
  readonly running?: readonly string[]
  readonly waiting?: readonly string[] | number
  readonly omitted?: number
  readonly steps: readonly { readonly name: string; readonly outcome: string; readonly work?: { readonly refused: number } }[]
}

function watched(policy = {}): { clock: ReturnType<typeof createFakeClock>; lifecycle: ReturnType<typeof createLifecycle>; progress: Progress; told: () => Told } {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy })
  const progress = createProgress(() => clock.now())
  lifecycle.subscribe((event) => progress.on(event))
  return { clock, lifecycle, progress, told: () => JSON.parse(progress.text(4_096) as string) as Told }
}

test('says at any moment what runs, what waits and what has gone wrong', async () => {
  const { lifecycle, clock, progress, told } = watched()
  const takes = (ms: number) => (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms))
  lifecycle.add({ name: 'consumer', phase: 'intake', drain: () => Promise.reject(new Error('no')) })
  lifecycle.add({ name: 'http', phase: 'intake', drain: takes(100) })
  lifecycle.add({ name: 'pool', phase: 'connections', drain: takes(100) })
  await lifecycle.start()
  expect(progress.text(4_096)).toBeUndefined()
  const stopped = lifecycle.stop(sigterm)
  await clock.advance(50)
  expect(progress.running()).toEqual(['http'])
  expect(told()).toMatchObject({ lameduck: 'stopping', reason: 'SIGTERM', running: ['http'], waiting: ['pool'], elapsedMs: 50, budgetMs: 29_000, steps: [{ name: 'consumer', outcome: 'failed', errors: ['no'] }] })
  await clock.advance(100)
  expect(told()).toMatchObject({ running: ['pool'], waiting: [] })
  await clock.advance(100)
  await stopped
  expect(progress.running()).toEqual([])
  expect(told()).toMatchObject({ lameduck: 'stopped', result: 'failed', exitCode: 72, tookMs: 200, budgetSource: 'the default grace period', from: 'ready' })
  expect(told().steps.map((step) => `${step.name} ${step.outcome}`)).toEqual(['consumer failed', 'http drained', 'pool drained'])
})

test('whatever the names, the errors and their number, it is valid JSON within its bytes', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 400 })
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.oneof(text, text.map((name) => name.repeat(20))), { minLength: 1, maxLength: 60 }), text, fc.integer({ min: 2_000, max: 5_000 }), async (names, error, maxBytes) => {
      const { lifecycle, progress } = watched()
      for (const [index, name] of names.entries()) {
        if (name === 'lame duck') continue
        lifecycle.add({ name, phase: 'work', drain: () => (index % 2 === 0 ? Promise.reject(new Error(error)) : undefined) })
      }
      const texts: string[] = []
      lifecycle.subscribe(() => {
        const now = progress.text(maxBytes)
        if (now !== undefined) texts.push(now)
      })
      await lifecycle.stop({ kind: 'fatal', origin: 'uncaughtException', error: new Error(error) })
      expect(texts.length).toBeGreaterThan(names.length)
      for (const each of texts) {
        expect(Buffer.byteLength(each)).toBeLessThanOrEqual(maxBytes)
        const { steps, omitted = 0 } = JSON.parse(each) as Told
        expect(steps.length + omitted).toBeLessThanOrEqual(names.length)
      }
    }),
    { numRuns: 50 },
  )
})

test('tells what became of work that went wrong, and fits its bytes whatever the reasons are', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 400 })
  const units = fc.constantFrom(0, 0, 1, 5_000_000)
  const tally = fc.record({ done: units, failed: units, cut: units, refused: units, unknown: units, reasons: fc.array(text, { maxLength: 8 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(tally, { minLength: 1, maxLength: 60 }), fc.integer({ min: 2_000, max: 5_000 }), async (tallies, maxBytes) => {
      const { lifecycle, progress } = watched()
      for (const [index, each] of tallies.entries()) lifecycle.add({ name: `r${index}`, phase: 'work', drain() {}, tally: () => each })
      const report = await lifecycle.stop(sigterm)
      const line = progress.text(maxBytes) as string
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(maxBytes)
      const { steps, omitted = 0 } = JSON.parse(line) as Told
      expect(steps.length + omitted).toBe(tallies.length)
      const order = ['forced', 'failed', 'unknown', 'drained', 'idle']
      const places = steps.map(({ outcome, work }) => Math.min(order.indexOf(outcome), work?.refused ? 2 : 5))
      expect(places).toEqual(places.toSorted((a, b) => a - b))
      for (const step of steps) {
        const { work, outcome } = report.steps.find(({ name }) => name === step.name)!
        if (work?.refused || ['forced', 'failed', 'unknown'].includes(outcome)) expect(step).toMatchObject({ work: { done: work?.done, failed: work?.failed, cut: work?.cut, refused: work?.refused, unknown: work?.unknown } })
      }
    }),
    { numRuns: 50 },
  )
})
