import { expect, test } from 'vitest'
import { timeLeft, timeLeftOfGone } from './time-left.ts'

const base = { uid: 'own', graceMs: 30_000, disruption: undefined, deletionGraceMs: 30_000 }
const signalFirst = { ...base, signalComesFirst: true }
const hooked = { ...base, signalComesFirst: false }
const serverMs = 1_000_000
const sinceSignalMs = 40

test.each([
  ['the whole grace period follows the signal', signalFirst, 0, 29_960],
  ['… of two seconds at least', { ...signalFirst, deletionGraceMs: 1_000 }, 0, 1_960],
  ['without a grace period the timestamp counts', { ...signalFirst, deletionGraceMs: undefined }, 9_000, 7_960],
  ['behind a hook, the timestamp, less the second that Date may be cut by', hooked, 9_000, 7_960],
  ['… where it has just passed, two seconds', hooked, 0, 1_960],
  ['… also when the kubelet was slow', hooked, -3_960, 1_960],
  ['… where it is long past, nothing', hooked, -3_961, undefined],
])('%s', (_what, pod, deletionInMs, leftMs) => {
  expect(timeLeft({ pod: { ...pod, deletionMs: serverMs + deletionInMs }, serverMs, sinceSignalMs })?.leftMs).toBe(leftMs)
})

test('nothing can be told without a deletion, or behind a hook without the clock of the server', () => {
  expect(timeLeft({ pod: { ...signalFirst, deletionMs: undefined }, serverMs, sinceSignalMs })).toBeUndefined()
  expect(timeLeft({ pod: { ...hooked, deletionMs: serverMs + 9_000 }, serverMs: undefined, sinceSignalMs })).toBeUndefined()
})

test('a deletion by force leaves two seconds after the signal', () => {
  expect(timeLeftOfGone(sinceSignalMs).leftMs).toBe(1_960)
})

// Whatever second boundaries lie between: the kubelet kills at the earliest a whole grace period after the deletion.
test('the deadline is never later than SIGKILL', () => {
  for (let step = 0; step < 2_000; step += 1) {
    const deletedAt = step * 7.3
    const preStopMs = (step * 131) % 29_000
    const answeredAt = deletedAt + preStopMs + sinceSignalMs
    const second = (ms: number): number => Math.floor(ms / 1_000) * 1_000
    const left = timeLeft({ pod: { ...hooked, deletionMs: second(deletedAt) + 30_000 }, serverMs: second(answeredAt), sinceSignalMs })
    const killAt = Math.max(deletedAt + 30_000, answeredAt - sinceSignalMs + 2_000)
    const deadline = answeredAt + (left?.leftMs ?? NaN)
    expect(deadline).toBeLessThanOrEqual(killAt)
    expect(deadline).toBeGreaterThan(killAt - 2_000 - sinceSignalMs)
  }
})
