import { createLifecycle } from '@lameduck/core'
import { createFakeClock } from '@lameduck/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { podTermination } from '../src/index.ts'
import { apiServer, boundToken, mounted, notFound } from './support/api-server.ts'

interface Answer {
  readonly status: number
  readonly date: string | undefined
  readonly body: Buffer
}

const second = Math.floor(Date.now() / 1_000)
const rfc3339 = (s: number): string => new Date(s * 1_000).toISOString().replace('.000', '')

/** A Pod that is being deleted, with less time than the policy has. */
const good = {
  kind: 'Pod',
  metadata: { name: 'orders-1', namespace: 'shop', uid: 'own', deletionTimestamp: rfc3339(second + 10), deletionGracePeriodSeconds: 10 },
  spec: { terminationGracePeriodSeconds: 30, containers: [{ name: 'orders' }] },
  status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'x' }] },
}

const hostile = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>('constructor', '__proto__', -1, 0, 0.5, 1e308, '30', '', 'own', 'a b', '\u001b[2J', rfc3339(second + 5), '9999-12-31T23:59:59Z', '1970-01-01T00:00:00Z', rfc3339(second + 86_400), null, [], {}, [null], 'x'.repeat(5_000)),
)
const paths = ['kind', 'metadata', 'spec', 'status', 'metadata.name', 'metadata.namespace', 'metadata.uid', 'metadata.deletionTimestamp', 'metadata.deletionGracePeriodSeconds', 'spec.terminationGracePeriodSeconds', 'spec.containers', 'spec.initContainers', 'status.conditions', 'status.conditions.0.reason', '__proto__']

function withPart(path: string, value: unknown): unknown {
  const copy = structuredClone(good) as unknown as Record<string, unknown>
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  const parent = keys.reduce((each, key) => each[key] as Record<string, unknown>, copy)
  Object.defineProperty(parent, last, { value, enumerable: true })
  return copy
}

const texts = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...paths), hostile).map(([path, value]) => JSON.stringify(withPart(path, value))) },
  { weight: 1, arbitrary: fc.constant(JSON.stringify(good)) },
  { weight: 1, arbitrary: fc.constant(JSON.stringify(notFound)) },
  { weight: 2, arbitrary: fc.json() },
)
const bodies = fc.oneof({ weight: 5, arbitrary: texts.map((text) => Buffer.from(text)) }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)) })
const answers: fc.Arbitrary<Answer> = fc.record({
  status: fc.oneof({ weight: 5, arbitrary: fc.constant(200) }, { weight: 1, arbitrary: fc.constantFrom(204, 302, 401, 403, 404, 410, 429, 500) }),
  date: fc.constantFrom(undefined, new Date(second * 1_000).toUTCString(), 'nonsense', new Date(0).toUTCString(), 'Fri, 31 Dec 9999 23:59:59 GMT'),
  body: bodies,
})

/** What may move the deadline, in other words than those of the package: a whole Pod of our uid, or a proof that it no longer exists. */
function isWhole({ status, body }: Answer): boolean {
  let answer: typeof good & typeof notFound
  try {
    answer = JSON.parse(body.toString()) as never
  } catch {
    return false
  }
  if (status === 404) return answer?.reason === 'NotFound' && answer.details?.name === 'orders-1'
  const { metadata, spec } = answer ?? {}
  if (status !== 200 || answer?.kind !== 'Pod' || metadata?.name !== 'orders-1' || metadata.namespace !== 'shop') return false
  const { uid, deletionGracePeriodSeconds: grace, deletionTimestamp } = metadata
  if (typeof uid !== 'string' || !/^\S+$/.test(uid) || !Array.isArray(spec?.containers) || spec.containers.length === 0) return false
  const isGraceRight = grace === undefined || grace === null || (Number.isInteger(grace) && grace >= 0 && grace < 1e10)
  return isGraceRight && (uid !== 'own' || (typeof deletionTimestamp === 'string' && Date.parse(deletionTimestamp) > Date.UTC(2014)))
}

test('whatever the API server answers, the stop is clean, and the deadline moves only earlier, and only for whole evidence', async () => {
  let now: Answer | undefined
  const server = await apiServer((_request, response) => {
    response.sendDate = false
    response.writeHead(now?.status ?? 500, now?.date === undefined ? {} : { date: now.date })
    response.end(now?.body)
  })
  const folder = await mounted({ token: boundToken('own') })
  let moved = 0
  await fc.assert(
    fc.asyncProperty(answers, async (answer) => {
      now = answer
      const lifecycle = createLifecycle({ policy: { graceMs: 30_000 }, clock: createFakeClock(), env: {} })
      let release = (): void => {}
      lifecycle.add({ name: 'work', phase: 'work', drain: () => new Promise<void>((resolve) => (release = resolve)) })
      const attributed = new Promise<void>((resolve) => {
        const attribute = lifecycle.attribute.bind(lifecycle)
        lifecycle.attribute = (cause) => {
          attribute(cause)
          setImmediate(resolve)
        }
      })
      podTermination(lifecycle, { env: server.env, folder, timeoutMs: 20_000 })
      const reported = lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
      await attributed
      release()
      const report = await reported
      expect(report.result).toBe('clean')
      expect(report.budgetMs).toBeLessThanOrEqual(29_000)
      expect(report.cause?.detail).not.toMatch(/\p{Cc}/u)
      expect(report.cause?.detail.length).toBeLessThan(3_000)
      if (report.budgetMs < 29_000) {
        moved += 1
        expect(isWhole(answer), `moved to ${report.budgetMs} ms by ${answer.status} ${answer.body.toString()}`).toBe(true)
      }
    }),
    { numRuns: Number(process.env['FUZZ_RUNS'] ?? 200) },
  )
  expect(moved, 'some answers do move it').toBeGreaterThan(0)
})
