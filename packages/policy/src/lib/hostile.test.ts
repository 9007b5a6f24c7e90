import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LifecycleError } from '@lameduck/core'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadPolicy, type LoadPolicyOptions } from './load-policy.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lameduck-policy-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const env = {}

async function file(content: string | Uint8Array, name: string = 'service.json'): Promise<string> {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

describe('JSON is refused with file, line and column', () => {
  test.each<[string, string]>([
    ['{"graceMs": 1000, "graceMs": 30000}', 'service.json:1:19 has the key "graceMs" a second time'],
    ['{"lameDuck": {"minMs": 1,\n  "minMs": 2}}', 'service.json:2:3 has the key "minMs" a second time'],
    ['{"graceMs": 1000, "\\u0067raceMs": 2000}', 'service.json:1:19 has the key "graceMs" a second time'],
    ['{"allow": [{"a": 1, "a": 2}]}', 'service.json:1:21 has the key "a" a second time'],
    ['{\n  "graceMs": 1000,\n}', 'service.json:3:1 is not JSON'],
    ['{\n  // ten seconds\n  "graceMs": 10000 }', 'service.json:2:3 is not JSON'],
    ["{'graceMs': 1}", 'service.json:1:2 is not JSON'],
    ['{"graceMs": 1_000}', 'service.json:1:14 is not JSON'],
    ['{"graceMs": NaN}', 'service.json:1:13 is not JSON'],
    ['{"graceMs": 1}\n{"graceMs": 2}', 'service.json:2:1 is not JSON'],
    ['', 'service.json:1:1 is not JSON'],
    ['{"name": "a\u0001b"}', 'service.json is not JSON'],
    ['['.repeat(500_000), 'is nested too deeply'],
    ['{"a":'.repeat(100_000), 'is nested too deeply'],
  ])('%#', async (content, message) => {
    const from = await file(content)
    expect(() => loadPolicy({ from, env })).toThrow(message)
  })

  test('a byte order mark is passed over, and another encoding is named', async () => {
    expect(loadPolicy({ from: await file('\ufeff{"graceMs": 20000}'), env }).options.graceMs).toBe(20_000)
    const utf16 = await file(Buffer.from('\ufeff{}', 'utf16le'))
    expect(() => loadPolicy({ from: utf16, env })).toThrow('it is UTF-16; save it as UTF-8')
    const latin1 = await file(Buffer.from('{"name": "é"}', 'latin1'))
    expect(() => loadPolicy({ from: latin1, env })).toThrow('it is not UTF-8')
  })
})

describe('a file that is not one is refused at once', () => {
  const path = (): string => join(folder, 'service.json')

  test.each<[string, () => unknown, string]>([
    ['a FIFO that nobody writes to', () => execFileSync('mkfifo', [path()]), 'cannot be read: it is not a file'],
    ['/dev/zero', () => symlink('/dev/zero', path()), 'cannot be read: it is not a file'],
    ['a folder', () => symlink(folder, path()), 'cannot be read: it is not a file'],
    ['a link to itself', () => symlink(path(), path()), 'cannot be read: ELOOP'],
    ['100 MB', () => writeFile(path(), '').then(() => truncate(path(), 100_000_000)), 'cannot be read: it has more than 1048576 bytes'],
  ])('%s', async (_what, make, message) => {
    await make()
    expect(() => loadPolicy({ from: path(), env })).toThrow(message)
  })
})

describe('extends', () => {
  test('a circle through a link is one', async () => {
    await symlink(folder, join(folder, 'here'))
    const from = await file('{"extends": "./here/service.json"}')
    expect(() => loadPolicy({ from, env })).toThrow('in a circle')
  })

  test('more than 20 layers are refused', async () => {
    for (let n = 0; n < 30; n += 1) await file(`{"extends": "./${n + 1}.json"}`, `${n}.json`)
    expect(() => loadPolicy({ from: join(folder, '0.json'), env })).toThrow('more than 20 policies extend each other')
  })

  test.each([
    ['fs', 'extends "fs", which is a module of Node'],
    ['node:fs', 'extends "node:fs", which is a module of Node'],
    ['https://example.test/policy.json', 'which is not installed'],
    ['./a\0b', 'cannot be read'],
    [`./${'x'.repeat(100_000)}`, 'cannot be read: ENAMETOOLONG'],
    ['x'.repeat(100_000), 'which is not installed'],
  ])('%#', (below, message) => {
    const error = errorOf(() => loadPolicy({ from: { extends: below }, env }))
    expect(error.message.length).toBeLessThan(2_100)
    expect(error.message).toContain(message)
  })
})

const day = new Date(0)
const circular: Record<string, unknown> = {}
circular['min'] = circular

describe('a document given as an object', () => {
  test.each<[unknown, string]>([
    [{ 'lameDuck.minMs': 5 }, 'lameDuck.minMs is not known as one key; write { lameDuck: { minMs } }'],
    [{ lameDuck: { minMs: 1 }, 'lameDuck.minMs': 5 }, 'lameDuck.minMs is not known as one key'],
    [{ 'phases.work': { reserveMs: 5 } }, 'phases.work is not known'],
    [{ minMs: 5 }, 'minMs is not known; did you mean lameDuck.minMs?'],
    [{ extend: './x.json' }, 'extend is not known; did you mean extends?'],
    [{ lameDuck: new Map([['minMs', 5]]) }, 'lameDuck must be an object'],
    [{ lameDuck: day }, 'lameDuck must be an object'],
    [{ lameDuck: [] }, 'lameDuck must be an object'],
    [{ graceMs: day }, 'graceMs must be a number of milliseconds'],
    [{ graceMs: 1e308 }, 'graceMs must be a number of milliseconds, at most 100 years'],
    [{ graceMs: [30_000] }, 'graceMs must be a number of milliseconds'],
    [{ graceMs: null }, 'graceMs must be a number of milliseconds'],
    [{ probes: { port: 1e308 } }, 'probes.port must be a whole number from 0 to 65535'],
    [{ allow: [] }, 'allow must be an object'],
    [{ allow: new Map() }, 'allow must be an object'],
    [{ allow: { graceMs: [] } }, 'allow["graceMs"] must be { min?, max? } with numbers; it is []'],
    [{ allow: { graceMs: day } }, 'allow["graceMs"] must be { min?, max? }'],
    [{ allow: { graceMs: circular } }, 'allow["graceMs"] must be { min?, max? }'],
    [{ allow: { graceMs: { min: 2, max: 1 } } }, 'allow["graceMs"] has min 2 above max 1'],
    [{ name: 7 }, 'name must be one line'],
    [{ name: '' }, 'name must be one line'],
    [{ name: 'a\u001b[2J' }, 'name must be one line'],
    [{ name: 'x'.repeat(1_000_000) }, 'name must be one line'],
    [JSON.parse('{"__proto__": {"graceMs": 1}}'), '__proto__ is not known'],
    [JSON.parse('{"allow": {"__proto__": {}}}'), 'allow names "__proto__"'],
    [{ ['x'.repeat(1_000_000)]: 1 }, 'is not known'],
    [{ 'a\u001b[2J': 1 }, 'a\\x1b[2J is not known'],
    [Object.create({ graceMs: 1 }), 'from must be a file or a document'],
  ])('%#', (from, message) => {
    const error = errorOf(() => loadPolicy({ from: from as NonNullable<LoadPolicyOptions['from']>, env }))
    expect(error.message).toContain(message)
    expect(error.message.length).toBeLessThan(3_000)
  })

  test.each<[object, string]>([
    [{ fron: {} }, 'loadPolicy(): the option fron is not known; did you mean from?'],
    [{ graceMs: 1 }, 'loadPolicy(): the option graceMs is not known; did you mean from.graceMs?'],
    [{ from: new Map() }, 'from must be a file or a document'],
    [{ from: 7 }, 'from must be a file or a document'],
    [{ env: null }, 'env must be an object of variables'],
    [new Map(), 'loadPolicy() takes an object of options'],
  ])('options of loadPolicy: %#', (options, message) => {
    expect(() => loadPolicy(options)).toThrow(message)
  })
})

describe('a variable LAMEDUCK_ that nothing reads is refused', () => {
  test.each([
    ['LAMEDUCK_GRACEMS', 'did you mean LAMEDUCK_GRACE_MS?'],
    ['lameduck_grace_ms', 'did you mean LAMEDUCK_GRACE_MS?'],
    ['LAMEDUCK_PRESTOP_MS', 'did you mean LAMEDUCK_PRE_STOP_MS?'],
    ['LAMEDUCK_FORCE_PUSH_EVERYTHING', 'is not known; known are LAMEDUCK_GRACE_MS'],
  ])('%s', (variable, message) => {
    expect(() => loadPolicy({ env: { [variable]: '1' } })).toThrow(message)
  })

  test('but not what Kubernetes sets for a Service of that name', () => {
    const links = { LAMEDUCK_SERVICE_HOST: '10.0.0.1', LAMEDUCK_SERVICE_PORT: '80', LAMEDUCK_SERVICE_PORT_HTTP: '80', LAMEDUCK_PORT: 'tcp://10.0.0.1:80', LAMEDUCK_PORT_80_TCP: 'tcp://10.0.0.1:80', LAMEDUCK_PORT_80_TCP_ADDR: '10.0.0.1', LAMEDUCK_DEMO_SERVICE_HOST: '10.0.0.2' }
    expect(loadPolicy({ env: links }).options).toEqual({})
  })

  test.each(['1e3', '0x10', '+5', '1_000', '1.0', '-0', '٣', 'Infinity', '9'.repeat(400), '1\u001b[2J'])('a value that is not a number of ms: %#', (text) => {
    const error = errorOf(() => loadPolicy({ from: { graceMs: 30_000 }, env: { LAMEDUCK_GRACE_MS: text } }))
    expect(error.message).toContain('LAMEDUCK_GRACE_MS must be a whole number of milliseconds')
    expect(error.message).not.toContain('\u001b')
  })

  test('nor is a value that is not a text', () => {
    expect(() => loadPolicy({ env: { LAMEDUCK_GRACE_MS: 5 as never } })).toThrow('LAMEDUCK_GRACE_MS must be a whole number of milliseconds; it is 5 (number)')
  })
})

test('whatever bytes a file has, it is a policy or refused with a short text', async () => {
  const texts = fc.oneof(fc.json(), fc.string(), fc.jsonValue().map((graceMs) => JSON.stringify({ graceMs, lameDuck: { minMs: graceMs }, allow: graceMs })))
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 500 }), texts.map((text) => Buffer.from(text))), async (bytes) => {
      const from = await file(bytes)
      try {
        expect(loadPolicy({ from, env }).layers).toHaveLength(1)
      } catch (error) {
        expect(error).toBeInstanceOf(LifecycleError)
        expect((error as Error).message.length).toBeLessThan(4_000)
        expect((error as Error).message).not.toMatch(/(?!\t)\p{Cc}/u)
      }
    }),
    { numRuns: 1_000 },
  )
})

function errorOf(run: () => unknown): LifecycleError {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(LifecycleError)
    return error as LifecycleError
  }
  throw new Error('nothing was thrown')
}
