import { expect, test } from 'vitest'
import { bindProcess } from '../process/bind-process.ts'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeProcess } from '../testing/fake-process.ts'
import { trackedWork } from '../work/tracked-work.ts'
import { describeWaiting } from './describe-waiting.ts'

test('names the steps, how much is in flight, the oldest of it, and when each is cut', () => {
  const steps = [
    { name: 'http', inFlight: 4, waitingFor: ['GET /a 4.2 s', 'GET /b 3.1 s', 'GET /c 900 ms', 'GET /d 2 ms'], leftMs: 2_960 },
    { name: 'mailer', inFlight: undefined, waitingFor: [], leftMs: 11_840 },
    { name: 'queue', inFlight: 1, waitingFor: [], leftMs: undefined },
  ]
  expect(describeWaiting(steps)).toBe(
    'still waiting for http (4 in flight, GET /a 4.2 s, GET /b 3.1 s, GET /c 900 ms, …), cut in 3.0 s; mailer, cut in 11.8 s; queue (1 in flight), which is being cut',
  )
})

// Catches: `http (0 in flight)` for a hook that is being waited for.
test('says that nothing is in flight only where nothing else is told', () => {
  const nothing = { name: 'http', inFlight: 0, leftMs: 500 }
  expect(describeWaiting([{ ...nothing, waitingFor: ['onDrain 1.2 s'] }, { ...nothing, waitingFor: [] }])).toBe('still waiting for http (onDrain 1.2 s), cut in 0.5 s; http (0 in flight), cut in 0.5 s')
})

test('stays one line, however many steps there are', () => {
  const steps = Array.from({ length: 8 }, (_, index) => ({ name: `r${index}`, inFlight: 1, waitingFor: [], leftMs: 500 }))
  expect(describeWaiting(steps)).toBe(
    `still waiting for ${[0, 1, 2, 3, 4].map((index) => `r${index} (1 in flight), cut in 0.5 s`).join('; ')}; 3 more`,
  )
})

// Catches: a stop that waits for its whole deadline for whoever awaits it, and says nothing of why.
test('a job that awaits the stop which waits for it is told of', async () => {
  const target = createFakeProcess()
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 3_000 } })
  const work = trackedWork('batch')
  lifecycle.add(work)
  await bindProcess(lifecycle, { process: target, onReport: () => {} }).ready()
  await work.run(async () => void (await lifecycle.stop()), 'the last job').catch(() => {})
  expect(target.stderrText).toMatch(/still waiting for batch \(1 in flight, the last job 1\.\d s\), cut in \d\.\d s\. Whoever awaits lifecycle\.stop\(\) in a request or a job waits for itself until that is cut: call it there without await\n/)
})

test('one that a signal has begun waits for nobody who awaits it', async () => {
  const target = createFakeProcess()
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 3_000 } })
  const work = trackedWork('batch')
  lifecycle.add(work)
  await bindProcess(lifecycle, { process: target, onReport: () => {} }).ready()
  const running = work.run(({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)), 'the last job').catch(() => {})
  await lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
  await running
  expect(target.stderrText).toMatch(/still waiting for batch \(1 in flight, the last job 1\.\d s\), cut in \d\.\d s\n/)
})
