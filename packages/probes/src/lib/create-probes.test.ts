import { createLifecycle, LifecycleError, type Lifecycle, type Resource } from '@lameduck/core'
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
    const { ask } = await ready([resource('disk', { check })], { readinessChecks: 'gate', cacheMs: 0 })
    expect(await ask('/readyz')).toMatchObject({ status: 200 })
    down = true
    expect(await ask('/readyz')).toEqual({ status: 503, body: 'not ready: failing checks: disk\n' })
    expect(await ask('/readyz?exclude=disk')).toMatchObject({ status: 200 })
    expect(await ask('/readyz/disk')).toMatchObject({ status: 503 })
    expect(await ask('/livez')).toMatchObject({ status: 200 })
  })

  test('a stop that begins while a gate asks its checks is not overlooked', async () => {
    let answer = (): void => {}
    let asked = 0
    const check = (): Promise<void> | undefined => {
      asked += 1
      return asked === 1 ? undefined : new Promise((resolve) => (answer = resolve))
    }
    const { lifecycle, ask } = await ready([resource('disk', { check } as Partial<Resource>)], { readinessChecks: 'gate' })
    const late = ask('/readyz')
    expect(asked).toBe(2)
    void lifecycle.stop()
    answer()
    expect(await late).toMatchObject({ status: 503 })
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
    [{ readinessChecks: 'gates' as 'gate' }, '"gates" (string)'],
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
