import type { CheckResult, State } from '@lameduck/core'
import { describe, expect, test } from 'vitest'
import { livez, startupz } from './probe-answer.ts'
import { readyz, readyzCheck } from './readyz.ts'

const reason = { kind: 'programmatic' } as const
const heldBecause: string[] = []
const states = {
  starting: { name: 'starting' },
  ready: { name: 'ready', sinceMs: 0 },
  'lame-duck': { name: 'lame-duck', reason, sinceMs: 1_000, deadline: 30_000 },
  draining: { name: 'draining', reason, sinceMs: 2_000, deadline: 30_000 },
} satisfies Record<string, State>
const good: CheckResult = { name: 'pg', ok: true, tookMs: 1 }
const bad: CheckResult = { name: 'redis', ok: false, tookMs: 2, error: 'connect ECONNREFUSED\n  user=admin' }

describe('livez', () => {
  test.each(Object.values(states))('is 200 while $name', (state) => {
    expect(livez({ state })).toEqual({ status: 200, body: `alive: ${state.name}\n` })
  })
})

describe('startupz', () => {
  test('is 503 until the start is over and 200 for good after it', () => {
    expect(startupz({ state: states.starting }).status).toBe(503)
    for (const name of ['ready', 'lame-duck', 'draining'] as const) expect(startupz({ state: states[name] }).status).toBe(200)
  })
})

describe('readyz', () => {
  test('says the state and the time left', () => {
    expect(readyz({ state: states.ready, isReady: true, heldBecause })).toEqual({ status: 200, body: 'ready\n' })
    expect(readyz({ state: states.starting, isReady: false, heldBecause })).toEqual({ status: 503, body: 'not ready: starting\n' })
    expect(readyz({ state: states.ready, isReady: false, heldBecause: ['preStop', 'an operator asked'] })).toEqual({
      status: 503,
      body: 'not ready: held: preStop, an operator asked\n',
    })
    expect(readyz({ state: states['lame-duck'], isReady: false, heldBecause }, { nowMs: 10_000.4 })).toEqual({
      status: 503,
      body: 'not ready: lame-duck, 20000 ms left\n',
    })
    expect(readyz({ state: states.draining, isReady: false, heldBecause }, { nowMs: 40_000 }).body).toBe('not ready: draining, 0 ms left\n')
  })

  test('a failing check is shown and flips readiness only where its name is a gate', () => {
    const lifecycle = { state: states.ready, isReady: true, heldBecause }
    const checks = [good, bad]
    expect(readyz(lifecycle, { checks })).toEqual({ status: 200, body: 'ready\n' })
    expect(readyz(lifecycle, { checks, verbose: true })).toEqual({
      status: 200,
      body: '[+]pg ok\n[-]redis failed: reason withheld\nready\n',
    })
    expect(readyz(lifecycle, { checks, gateOn: ['redis'] })).toEqual({ status: 503, body: 'not ready: failing checks: redis\n' })
    expect(readyz(lifecycle, { checks, gateOn: ['pg'] }).status).toBe(200)
    expect(readyz(lifecycle, { checks, gateOn: ['redis'], exclude: ['redis'] }).status).toBe(200)
  })

  test('a gate on a name that no check has fails, and says so', () => {
    const lifecycle = { state: states.ready, isReady: true, heldBecause }
    const notReady = { status: 503, body: 'not ready: failing checks: model (no check is named so), redis\n' }
    expect(readyz(lifecycle, { checks: [good, bad], gateOn: ['pg', 'model', 'redis'] })).toEqual(notReady)
  })

  test('tells reasons only where that is allowed, on one line each', () => {
    const lifecycle = { state: states.ready, isReady: true, heldBecause }
    expect(readyz(lifecycle, { checks: [bad], verbose: true, showReasons: true }).body).toBe(
      '[-]redis failed: connect ECONNREFUSED user=admin\nready\n',
    )
    expect(readyzCheck('redis', [bad])).toEqual({ status: 503, body: '[-]redis failed: reason withheld\n' })
    expect(readyzCheck('redis', [bad], true).body).toContain('user=admin')
  })

  test('warns of an unknown name to exclude', () => {
    const { body } = readyz({ state: states.ready, isReady: true, heldBecause }, { checks: [good], exclude: ['pgg'], verbose: true })
    expect(body).toBe('[+]pg ok\nwarning: nothing to exclude is named "pgg"\nready\n')
  })

  test('an unknown check is 404', () => {
    expect(readyzCheck('x', [good])).toEqual({ status: 404, body: 'no check is named "x"\n' })
  })
})
