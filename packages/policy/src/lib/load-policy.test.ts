import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createLifecycle, resolvePolicy } from '@lameduck/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { explainPolicy } from './explain-policy.ts'
import { loadPolicy } from './load-policy.ts'
import type { PolicyDocument } from './policy-document.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lameduck-policy-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const env = {}

describe('layers', () => {
  test('a service extends a file that extends a package, and each value remembers who set it', async () => {
    await file('node_modules/@acme/policy/package.json', { name: '@acme/policy', main: 'policy.json' })
    await file('node_modules/@acme/policy/policy.json', { name: 'acme', graceMs: 60_000, lameDuck: { minMs: 5_000 }, probes: { port: 8081 } })
    await file('team.json', { name: 'team', extends: '@acme/policy', graceMs: 45_000 })
    const from = await file('service.json', { extends: './team.json', graceMs: 40_000, lameDuck: { maxMs: 8_000 } })
    const policy = loadPolicy({ from, env })
    expect(policy.layers).toEqual(['acme', 'team', from])
    expect(policy.options).toEqual({ graceMs: 40_000, graceFrom: `graceMs of ${from}`, lameDuck: { minMs: 5_000, maxMs: 8_000 } })
    expect(policy.probes).toEqual({ port: 8081 })
    expect(explainPolicy(policy).split('\n')[1]).toBe(`graceMs         40000  from ${from}, instead of 45000 in team, 60000 in acme`)
    expect(createLifecycle({ policy: policy.options, env }).policy.graceMs).toBe(40_000)
  })

  test('nothing at all is a policy too: core has the defaults', () => {
    expect(loadPolicy({ env })).toEqual({ options: {}, probes: { port: 9090 }, settings: [], layers: ['the service'] })
  })

  test.each(Object.keys(resolvePolicy({}, env).exitCodes))('every exit code of core may be set: %s', (code) => {
    const exitCodes = { [code]: 9 }
    expect(loadPolicy({ from: { exitCodes }, env }).options.exitCodes).toEqual(exitCodes)
  })

  test('a circle is refused', async () => {
    await file('a.json', { extends: './b.json' })
    await file('b.json', { extends: './a.json' })
    expect(() => loadPolicy({ from: join(folder, 'a.json'), env })).toThrow('in a circle')
  })
})

describe('what a lower layer allows', () => {
  const base = { name: 'acme', graceMs: 30_000, marginMs: 1_000, allow: { graceMs: { min: 10_000, max: 60_000 }, 'lameDuck.minMs': {} } }

  test('may be changed within its bounds', async () => {
    await file('base.json', base)
    const from = await file('service.json', { extends: './base.json', graceMs: 60_000, lameDuck: { minMs: 100 } })
    expect(loadPolicy({ from, env }).options.graceMs).toBe(60_000)
  })

  test.each([
    [{ graceMs: 60_001 }, 'graceMs is 60001; acme allows 10000 to 60000'],
    [{ marginMs: 500 }, 'marginMs may not be changed; acme allows only graceMs, lameDuck.minMs'],
  ])('and nothing else: %j', async (own, message) => {
    await file('base.json', base)
    const from = await file('service.json', { extends: './base.json', ...own })
    expect(() => loadPolicy({ from, env })).toThrow(message)
  })
})

describe('the environment', () => {
  const from = { name: 'acme', graceMs: 30_000, lameDuck: { minMs: 1_000, maxMs: 5_000 } }

  test('tightens', () => {
    const policy = loadPolicy({ from, env: { LAMEDUCK_GRACE_MS: '20000', LAMEDUCK_PRE_STOP_MS: '5000', LAMEDUCK_LAME_DUCK_MAX_MS: '2000', LAMEDUCK_MARGIN_MS: '' } })
    expect(policy.options).toMatchObject({ graceMs: 20_000, graceFrom: 'graceMs of LAMEDUCK_GRACE_MS', preStopMs: 5_000, lameDuck: { maxMs: 2_000 } })
    expect(policy.settings.find(({ path }) => path === 'graceMs')?.set.at(-1)).toEqual({ layer: 'LAMEDUCK_GRACE_MS', value: 20_000 })
  })

  test.each([
    [{ LAMEDUCK_GRACE_MS: '30001' }, 'LAMEDUCK_GRACE_MS is 30001, but the policy has graceMs 30000, and the environment may only make it lower'],
    [{ LAMEDUCK_MARGIN_MS: '10' }, 'may only make it higher'],
    [{ LAMEDUCK_GRACE_MS: '30s' }, 'LAMEDUCK_GRACE_MS must be a whole number of milliseconds; it is "30s"'],
  ])('never loosens, and is refused otherwise: %j', (own, message) => {
    expect(() => loadPolicy({ from, env: own })).toThrow(message)
  })

  test.each([0, 500])('a longest lame duck of %i ms, below the shortest, lowers that too', (most) => {
    const policy = loadPolicy({ from, env: { LAMEDUCK_LAME_DUCK_MAX_MS: String(most) } })
    expect(policy.settings.find(({ path }) => path === 'lameDuck.minMs')?.set).toEqual([
      { layer: 'acme', value: 1_000 },
      { layer: 'LAMEDUCK_LAME_DUCK_MAX_MS', value: most },
    ])
    expect(resolvePolicy(policy.options, env).lameDuck).toMatchObject({ minMs: most, maxMs: most })
  })

  test("core's own shortest lame duck follows without being set", () => {
    const own = { KUBERNETES_SERVICE_HOST: '10.0.0.1', LAMEDUCK_LAME_DUCK_MAX_MS: '0' }
    const policy = loadPolicy({ from: { allow: { 'lameDuck.maxMs': {} } }, env: own })
    expect(policy.options).toEqual({ lameDuck: { maxMs: 0 } })
    expect(resolvePolicy(policy.options, own).lameDuck).toMatchObject({ minMs: 0, maxMs: 0 })
  })

  test.each([
    [{ graceMs: { min: 10_000 } }, { LAMEDUCK_GRACE_MS: '9999' }, 'LAMEDUCK_GRACE_MS: graceMs is 9999; acme allows 10000 to Infinity'],
    [{ preStopMs: { max: 5_000 } }, { LAMEDUCK_PRE_STOP_MS: '5001' }, 'LAMEDUCK_PRE_STOP_MS: preStopMs is 5001; acme allows -Infinity to 5000'],
    [{ preStopMs: {} }, { LAMEDUCK_GRACE_MS: '20000' }, 'LAMEDUCK_GRACE_MS: graceMs may not be changed; acme allows only preStopMs'],
    [{ 'lameDuck.maxMs': {} }, { LAMEDUCK_LAME_DUCK_MAX_MS: '0' }, 'LAMEDUCK_LAME_DUCK_MAX_MS: lameDuck.minMs may not be changed; acme allows only lameDuck.maxMs'],
  ])('is held to what a layer allows: %j, %j', (allow, own, message) => {
    expect(() => loadPolicy({ from: { ...from, allow }, env: own })).toThrow(message)
  })

  test('is held to every layer, not only the last', async () => {
    await file('base.json', { name: 'acme', graceMs: 30_000, allow: { graceMs: { min: 10_000 } } })
    const service = await file('service.json', { name: 'orders', extends: './base.json', allow: { graceMs: {} } })
    expect(() => loadPolicy({ from: service, env: { LAMEDUCK_GRACE_MS: '9999' } })).toThrow('acme allows 10000')
    expect(loadPolicy({ from: service, env: { LAMEDUCK_GRACE_MS: '10000' } }).options.graceMs).toBe(10_000)
  })
})

describe('numbers that do not fit each other come with the layers', () => {
  test.each<[object, Record<string, string>, string]>([
    [{ graceMs: 1_000, preStopMs: 2_000 }, {}, 'acme → orders: policy leaves no time'],
    [{ graceMs: 4_000 }, { LAMEDUCK_PRE_STOP_MS: '3500' }, 'acme → orders → LAMEDUCK_PRE_STOP_MS: policy leaves no time'],
    [{ lameDuck: { minMs: 2, maxMs: 1 } }, {}, 'acme → orders: policy.lameDuck.maxMs (1) must not be below minMs (2)'],
  ])('%j, %j', async (own, variables, message) => {
    await file('base.json', { name: 'acme' })
    const from = await file('service.json', { name: 'orders', extends: './base.json', ...own })
    const thrown = errorOf(() => loadPolicy({ from, env: variables }))
    expect(thrown).toMatchObject({ name: 'LifecycleError', code: 'invalid-option', cause: { name: 'LifecycleError' } })
    expect((thrown as Error).message).toContain(message)
  })
})

describe('undefined counts as not set', () => {
  const unset = <T>(value: object): T => value as T

  test('as a value, a branch, a bound and a permission', async () => {
    await file('base.json', { name: 'acme', graceMs: 30_000, lameDuck: { minMs: 1_000 } })
    const from = unset<PolicyDocument>({
      extends: join(folder, 'base.json'),
      graceMs: undefined,
      lameDuck: { minMs: undefined },
      phases: undefined,
      allow: { preStopMs: { min: undefined, max: undefined }, graceMs: undefined },
    })
    const policy = loadPolicy({ from, env: { LAMEDUCK_PRE_STOP_MS: '1' } })
    expect(policy.options).toEqual({ graceMs: 30_000, graceFrom: 'graceMs of acme', lameDuck: { minMs: 1_000 }, preStopMs: 1 })
    expect(policy.settings.find(({ path }) => path === 'graceMs')?.set).toEqual([{ layer: 'acme', value: 30_000 }])
    expect(() => loadPolicy({ from, env: { LAMEDUCK_GRACE_MS: '1' } })).toThrow('allows only preStopMs')
  })

  test('but an unknown key is a mistake all the same', () => {
    expect(() => loadPolicy({ from: unset<PolicyDocument>({ grace: undefined }), env })).toThrow('grace is not known')
  })
})

function errorOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('a mistake is named with its file and value', () => {
  test.each<[unknown, string]>([
    [{ grace: 1 }, 'grace is not known; did you mean graceMs? Known are graceMs, preStopMs'],
    [{ lameDuck: { min: 1 } }, 'lameDuck.min is not known; did you mean lameDuck.minMs? Known below lameDuck are minMs, quietMs, maxMs'],
    [{ phases: { intake: { reserveMs: '5s' } } }, 'phases.intake.reserveMs must be a number of milliseconds, at least 0; it is "5s" (string)'],
    [{ lameDuck: 5 }, 'lameDuck must be an object; it is 5 (number)'],
    [{ exitCodes: { clean: 256 } }, 'exitCodes.clean must be a whole number from 0 to 255; it is 256 (number)'],
    [{ probes: { paths: { live: 'livez' } } }, 'must be a path that begins with "/"; it is "livez" (string)'],
    [{ allow: { grace: {} } }, 'allow names "grace", which is not a value'],
    [{ allow: { graceMs: 5 } }, 'must be { min?, max? } with numbers; it is 5'],
    [{ allow: { graceMs: { min: 'a' } } }, 'allow["graceMs"] must be { min?, max? } with numbers; it is {"min":"a"}'],
    [{ allow: { graceMs: { max: null } } }, 'must be { min?, max? } with numbers; it is {"max":null}'],
    [{ extends: 5 }, 'extends must be a file or a package; it is 5 (number)'],
    [{ extends: 'not-installed' }, 'extends "not-installed", which is not installed'],
    [{ graceMs: 1_000, preStopMs: 2_000 }, 'leaves no time'],
    [[], 'must be an object'],
    ['{', 'is not JSON'],
  ])('%j', async (content, message) => {
    const from = await file('service.json', content)
    expect(() => loadPolicy({ from, env })).toThrow(message)
  })

  test('a file that is not there', () => expect(() => loadPolicy({ from: 'nowhere.json', env })).toThrow('nowhere.json cannot be read: ENOENT'))
})
