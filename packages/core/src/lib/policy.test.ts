import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { resolvePolicy } from './policy.ts'

const inKubernetes = { KUBERNETES_SERVICE_HOST: '10.96.0.1' }

test('the defaults are those of the README', () => {
  expect(resolvePolicy({}, {})).toEqual({
    graceMs: 30_000,
    graceFrom: 'the default grace period',
    preStopMs: 0,
    marginMs: 1_000,
    lameDuck: { minMs: 0, quietMs: 0, maxMs: 0 },
    phases: { intake: { reserveMs: 5_000 }, work: { reserveMs: 3_000 }, producers: { reserveMs: 2_000 }, connections: { reserveMs: 2_000 }, telemetry: { reserveMs: 1_000 } },
    forceMs: 100,
    fatalMs: 5_000,
    exitCodes: { clean: 0, interrupted: 143, unknown: 0, forced: 71, failed: 72, fatal: 1, stalled: 70 },
  })
  expect(resolvePolicy({}, inKubernetes).lameDuck).toEqual({ minMs: 5_000, quietMs: 1_000, maxMs: 10_000 })
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  for (const row of ['| `graceMs` | 30000 |', '| `preStopMs` | 0 |', '| `forceMs` | 100 |', '| `fatalMs` | 5000 |', 'intake 5000, work 3000, producers 2000, connections 2000, telemetry 1000', '| 0 | `clean` |', '| 143 | `interrupted` |', '| 71 | `forced` |', '| 72 | `failed` |', '| 70 | `stalled` |', '| 1 | `fatal` |']) {
    expect(readme).toContain(row)
  }
})

test('a maximum alone lowers the default minimum, in Kubernetes too', () => {
  expect(resolvePolicy({ lameDuck: { maxMs: 3_000 } }, inKubernetes).lameDuck).toEqual({ minMs: 3_000, quietMs: 1_000, maxMs: 3_000 })
  expect(resolvePolicy({ lameDuck: { maxMs: 0 } }, inKubernetes).lameDuck).toEqual({ minMs: 0, quietMs: 0, maxMs: 0 })
})
