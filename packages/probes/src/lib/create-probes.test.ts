import { createLifecycle, LifecycleError, type Lifecycle, type Resource } from '@lameduck/core'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createProbes, type ProbeOptions } from './create-probes.ts'

function resource(name: string, own: Partial<Resource> = {}): Resource {
  return { name, phase: 'connections', drain: () => {}, ...own }
}

async function ready(resources: readonly Resource[], options?: ProbeOptions): Promise<{ lifecycle: Lifecycle; ask: (url: string) => Promise<unknown> }> {
  const lifecycle = createLifecycle({ env: {} })
  for (const each of resources) lifecycle.add(each)
  const probes = createProbes(lifecycle, options)
  await lifecycle.start()
  return { lifecycle, ask: async (url) => probes.answer('GET', url) }
}

describe('createProbes', () => {
  test('leaves other paths alone and refuses other methods', async () => {
    const lifecycle = createLifecycle({ env: {} })
    const probes = createProbes(lifecycle)
    for (const url of ['/', '/orders', '/livezz', '/livez/x', '/ready', '//', '*', '']) expect(probes.answer('GET', url)).toBeUndefined()
    expect(probes.answer('POST', '/readyz')).toEqual({ status: 405, body: 'only GET and HEAD\n' })
    expect(probes.answer('HEAD', '/livez')).toMatchObject({ status: 200 })
  })

  test('readiness flips in the tick of the stop, without a promise in between', async () => {
    const { lifecycle } = await ready([resource('pool')])
    const probes = createProbes(lifecycle)
    expect(probes.answer('GET', '/readyz')).toMatchObject({ status: 200 })
    const stopped = lifecycle.stop()
    expect(probes.answer('GET', '/readyz')).toMatchObject({ status: 503 })
    expect(probes.answer('GET', '/livez')).toMatchObject({ status: 200 })
    expect(probes.answer('GET', '/startupz')).toMatchObject({ status: 200 })
    await stopped
    expect(probes.answer('GET', '/readyz')).toEqual({ status: 503, body: 'not ready: stopped\n' })
    expect(probes.answer('GET', '/livez')).toEqual({ status: 200, body: 'alive: stopped\n' })
  })

  test('by default an aggregate answer runs no check at all', async () => {
    let runs = 0
    const { ask } = await ready([resource('pg', { check: () => void (runs += 1) })])
    const runsAtStart = runs
    await ask('/readyz')
    await ask('/livez')
    await ask('/startupz')
    expect(runs).toBe(runsAtStart)
    await ask('/readyz?verbose')
    expect(runs).toBe(runsAtStart + 1)
  })

  test('a gate fails while a check fails, and an excluded one does not count', async () => {
    let down = false
    const check = (): void => {
      if (down) throw new Error('away')
    }
    const { ask } = await ready([resource('disk', { check })], { gateOn: ['disk'], cacheMs: 0 })
    expect(await ask('/readyz')).toMatchObject({ status: 200 })
    down = true
    expect(await ask('/readyz')).toEqual({ status: 503, body: 'not ready: failing checks: disk\n' })
    expect(await ask('/readyz?exclude=disk')).toMatchObject({ status: 200 })
    expect(await ask('/readyz/disk')).toMatchObject({ status: 503 })
    expect(await ask('/livez')).toMatchObject({ status: 200 })
  })

  test('a stop that begins while a gate is asked is answered at once', async () => {
    let asked = 0
    const check = (): Promise<void> | void => {
      asked += 1
      if (asked > 2) return new Promise(() => {})
    }
    const { lifecycle, ask } = await ready([resource('disk', { check })], { gateOn: ['disk'], cacheMs: 0, checkTimeoutMs: 60_000 })
    await turn()
    const late = ask('/readyz')
    expect(asked).toBe(3)
    const stopped = lifecycle.stop()
    expect(await late).toMatchObject({ status: 503, body: expect.stringMatching(/^not ready: (lame-duck|draining|stopped)/) })
    await stopped
  })

  test('what is only reported is not asked for the gate, so that it cannot slow it down', async () => {
    const asked: string[] = []
    const check = (name: string) => () => void asked.push(name)
    const { ask } = await ready([resource('model', { check: check('model') }), resource('pg', { check: check('pg') })], { gateOn: ['model'], cacheMs: 0 })
    await turn()
    asked.length = 0
    await ask('/readyz')
    await ask('/readyz/model')
    expect(asked).toEqual(['model', 'model'])
    await ask('/readyz/pg')
    expect(await ask('/readyz?verbose')).toEqual({ status: 200, body: '[+]model ok\n[+]pg ok\nready\n' })
    expect(asked.slice(2).toSorted()).toEqual(['model', 'pg', 'pg'])
  })

  test('results are used again for cacheMs, failing ones too, and a check that throws at once is one', async () => {
    let runs = 0
    const check = (): void => {
      runs += 1
      if (runs > 1) throw new Error('no disk')
    }
    const { ask } = await ready([resource('disk', { check })], { gateOn: ['disk'], cacheMs: 60_000, showReasons: true })
    for (let probe = 0; probe < 3; probe += 1) expect(await ask('/readyz')).toMatchObject({ status: 503 })
    expect(await ask('/readyz/disk')).toEqual({ status: 503, body: '[-]disk failed: no disk\n' })
    expect(runs).toBe(2)
  })

  test('a check that never settles costs checkTimeoutMs, and is not called by every probe', async () => {
    let calls = 0
    const check = (): Promise<void> | void => {
      calls += 1
      if (calls > 1) return new Promise(() => {})
    }
    const { ask } = await ready([resource('disk', { check })], { gateOn: ['disk'], cacheMs: 0, checkTimeoutMs: 20 })
    for (let probe = 0; probe < 5; probe += 1) expect(await ask('/readyz')).toMatchObject({ status: 503 })
    expect(calls).toBe(2)
    expect(await ask('/livez')).toMatchObject({ status: 200 })
  })

  test('says what is wrong with a gate: a name that no check has, a connection that replicas share', async () => {
    const lifecycle = createLifecycle({ env: {} })
    const warnings: string[] = []
    lifecycle.subscribe((event) => void (event.type === 'warning' && warnings.push(event.message)))
    createProbes(lifecycle, { gateOn: ['pg', 'modle', 'model', 'silent'] })
    lifecycle.add(resource('pg', { check: () => {} }))
    lifecycle.add(resource('model', { phase: 'work', check: () => {} }))
    lifecycle.add(resource('silent'))
    await lifecycle.start()
    await turn()
    expect(warnings).toEqual([
      expect.stringContaining('readiness is gated on "modle", "silent", but no resource with a check has that name'),
      expect.stringMatching(/^readiness is gated on "pg", a connection: .*Take it out of gateOn/),
    ])
    expect((await lifecycle.stop()).warnings).toEqual(expect.arrayContaining(warnings))
  })

  test('says nothing about a gate that is fine, nor when a stop comes first', async () => {
    const warnings: string[] = []
    const lifecycles = [createLifecycle({ env: {} }), createLifecycle({ env: {} })] as const
    for (const lifecycle of lifecycles) {
      lifecycle.subscribe((event) => void (event.type === 'warning' && warnings.push(event.message)))
      createProbes(lifecycle, { gateOn: ['model'] })
    }
    lifecycles[0].add(resource('model', { phase: 'work', check: () => {} }))
    await lifecycles[0].start()
    await lifecycles[1].stop()
    await turn()
    expect(warnings).toEqual([])
  })

  test('checks are found by their name, also when it needs encoding', async () => {
    const { ask } = await ready([resource('pg orders', { check: () => {} })])
    expect(await ask('/readyz/pg%20orders')).toEqual({ status: 200, body: '[+]pg orders ok\n' })
    expect(await ask('/readyz/%E0%A4%A')).toMatchObject({ status: 404 })
  })

  test('paths can be others', async () => {
    const { ask } = await ready([], { paths: { ready: '/health/ready' } })
    expect(await ask('/health/ready')).toMatchObject({ status: 200 })
    expect(await ask('/readyz')).toBeUndefined()
  })

  test.each<[ProbeOptions, string]>([
    [{ gateOn: 'pg' as unknown as string[] }, '"pg" (string)'],
    [{ gateOn: ['pg', ''] }, 'gateOn must be an array of names of resources'],
    [{ cacheMs: -1 }, '-1 (number)'],
    [{ checkTimeoutMs: 0 }, '0 (number)'],
    [{ paths: { live: 'livez' } }, '"livez" (string)'],
    [{ paths: { ready: '/ready/' } }, '"/ready/" (string)'],
    [{ paths: { ready: '/livez' } }, 'must differ'],
  ])('refuses %o with the value', (options, text) => {
    const refused = (): unknown => createProbes(createLifecycle({ env: {} }), options)
    expect(refused).toThrow(LifecycleError)
    expect(refused).toThrow(text)
  })
})
