import { describe, expect, test } from 'vitest'
import { budgetFor } from './budget.ts'
import { resolvePolicy, type PolicyOptions } from '../policy.ts'
import type { Reason } from '../reason.ts'

const sigterm: Reason = { kind: 'signal', signal: 'SIGTERM', interactive: false }
const ctrlC: Reason = { kind: 'signal', signal: 'SIGINT', interactive: true }
const crash: Reason = { kind: 'fatal', origin: 'uncaughtException', error: new Error('boom') }
const asked: Reason = { kind: 'programmatic' }

interface Case {
  readonly what: string
  readonly reason: Reason
  readonly options?: PolicyOptions
  readonly measuredMs?: number
  readonly ms: number
  readonly source: string
}

test.each<Case>([
  { what: 'nothing said', reason: sigterm, ms: 29_000, source: 'the default grace period' },
  { what: 'an option', reason: sigterm, options: { graceMs: 60_000 }, ms: 59_000, source: 'policy.graceMs' },
  { what: 'a named layer', reason: sigterm, options: { graceMs: 60_000, graceFrom: 'graceMs of acme' }, ms: 59_000, source: 'graceMs of acme' },
  { what: 'a declared preStop', reason: sigterm, options: { preStopMs: 5_000 }, ms: 24_000, source: 'the default grace period − 5.0 s of preStop, declared' },
  { what: 'a measured preStop instead', reason: sigterm, options: { preStopMs: 5_000 }, measuredMs: 3_000, ms: 26_000, source: 'the default grace period − 3.0 s of preStop, measured' },
  { what: 'a measured preStop that overran', reason: sigterm, measuredMs: 30_500, ms: 1_000, source: 'the default grace period − 30.5 s of preStop, measured' },
  { what: 'a hook that overran a grace period below the least', reason: sigterm, options: { graceMs: 1_000 }, measuredMs: 1_000, ms: 750, source: 'policy.graceMs − 1.0 s of preStop, measured' },
  {
    what: 'a signal that came 3 s before it could be handled',
    reason: { ...sigterm, agoMs: 3_000 },
    ms: 26_000,
    source: 'the default grace period, counted from SIGTERM, which came 3000 ms before it could be handled',
  },
  { what: 'a signal that came too long ago', reason: { ...sigterm, agoMs: 40_000 }, ms: 0, source: 'the default grace period, counted from SIGTERM, which came 40000 ms before it could be handled' },
  { what: 'no preStop before Ctrl-C', reason: ctrlC, options: { preStopMs: 5_000 }, ms: 29_000, source: 'the default grace period' },
  { what: 'no preStop before a call', reason: asked, options: { preStopMs: 5_000 }, ms: 29_000, source: 'the default grace period' },
  { what: 'a measured preStop before a call', reason: asked, measuredMs: 2_000, ms: 27_000, source: 'the default grace period − 2.0 s of preStop, measured' },
  { what: 'a crash', reason: crash, ms: 5_000, source: 'policy.fatalMs' },
  { what: 'a crash in a short grace period', reason: crash, options: { graceMs: 2_000 }, ms: 1_500, source: 'policy.graceMs' },
])('the budget after $what', ({ reason, options, measuredMs, ms, source }) => {
  expect(budgetFor(reason, resolvePolicy(options, {}), measuredMs)).toMatchObject({ ms, source })
})

describe('the lame duck', () => {
  const inKubernetes = resolvePolicy({}, { KUBERNETES_SERVICE_HOST: '10.96.0.1' })

  test('is what preStop has left of it', () => {
    expect(budgetFor(sigterm, inKubernetes).lameDuck).toEqual({ minMs: 5_000, quietMs: 1_000, maxMs: 10_000 })
    expect(budgetFor(sigterm, inKubernetes, 3_000).lameDuck).toEqual({ minMs: 2_000, quietMs: 1_000, maxMs: 7_000 })
  })

  test('is for whoever planned the stop, and nowhere but in Kubernetes', () => {
    expect(budgetFor(asked, inKubernetes).lameDuck).toBeDefined()
    expect(budgetFor({ kind: 'message', message: 'shutdown' }, inKubernetes).lameDuck).toBeDefined()
    expect(budgetFor(ctrlC, inKubernetes).lameDuck).toBeUndefined()
    expect(budgetFor(crash, inKubernetes).lameDuck).toBeUndefined()
    expect(budgetFor(sigterm, resolvePolicy({}, {})).lameDuck).toBeUndefined()
  })
})
