import { expect, test } from 'vitest'
import type { Report } from '../report/report.ts'
import { worstExitCode } from './process-bindings.ts'

const signal = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const ends = {
  clean: { reason: signal, result: 'clean', exitCode: 0 },
  interrupted: { reason: signal, result: 'interrupted', exitCode: 143 },
  unknown: { reason: signal, result: 'unknown', exitCode: 0 },
  failed: { reason: signal, result: 'failed', exitCode: 72 },
  forced: { reason: signal, result: 'forced', exitCode: 71 },
  fatal: { reason: { kind: 'fatal', origin: 'uncaughtException', error: undefined }, result: 'failed', exitCode: 1 },
} as const

test.each<[(keyof typeof ends)[], number | string | undefined, number]>([
  [[], undefined, 0],
  [['clean', 'clean'], undefined, 0],
  [['clean'], 3, 3],
  [['clean'], '4', 4],
  [['clean'], 'nonsense', 0],
  [['interrupted', 'clean'], 3, 143],
  [['unknown', 'clean'], 3, 3],
  // Catches: a job with work left, which would be marked as complete.
  [['unknown', 'interrupted'], undefined, 143],
  [['interrupted', 'forced', 'clean'], undefined, 71],
  [['forced', 'failed'], undefined, 71],
  [['interrupted', 'fatal', 'forced'], undefined, 1],
])('the worst of %j, with a code of its own of %s, is %i', (names, own, expected) => {
  expect(worstExitCode(names.map((name) => ends[name] as unknown as Report), own)).toBe(expected)
})
