import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { roleManifest } from '../../src/lib/role-manifest.ts'
import { kubectl, observe, podManifest, uploadCode, type Observed } from './cluster.ts'

// On a real cluster: what the report says of a deadline and a cause, and when SIGKILL really came.
const namespace = `lameduck-${process.pid}`
let code: object

beforeAll(async () => {
  await kubectl(['create', 'namespace', namespace])
  for (const name of ['reader', 'stranger', 'newcomer']) await kubectl(['create', 'serviceaccount', '-n', namespace, name])
  await kubectl(['apply', '-f', '-'], roleManifest({ namespace, name: 'reader' }))
  code = await uploadCode(namespace)
})
afterAll(() => kubectl(['delete', 'namespace', namespace, '--wait=false']))

const timestamp = "the Pod's deletionTimestamp"
const policy = 'policy.graceMs'
const grace = "the deletion's grace period"
const remove = (name: string, ...parameters: string[]): Promise<string> => kubectl(['delete', 'pod', '-n', namespace, name, '--wait=false', ...parameters])
const evict = (name: string): Promise<string> =>
  kubectl(['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, '-f', '-'], JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }))

interface Case {
  readonly name: string
  readonly end: (name: string) => Promise<unknown>
  readonly spec?: object
  readonly container?: object
  readonly source: string
  readonly cause: object
}

function deletion(detail: string): object {
  return { kind: 'deletion', detail: expect.stringContaining(detail) as string }
}

function preStop(seconds: number): object {
  return { lifecycle: { preStop: { exec: { command: ['sleep', `${seconds}`] } } } }
}

/** The deadline leaves the margin before SIGKILL; it wastes seconds only where whole seconds of two clocks had to be compared. */
function expectInTime({ report: { budgetMs, budgetSource }, reportedMs, aliveMs }: Observed): void {
  const earlyMs = aliveMs - budgetMs - 1_000
  expect(earlyMs).toBeGreaterThan(-50)
  expect(earlyMs).toBeLessThan(budgetSource === timestamp ? 4_000 : 150)
  expect(reportedMs).toBeLessThan(budgetMs + 200)
}

function show(name: string, { report, answeredMs, reportedMs, aliveMs }: Observed): void {
  const { budgetMs, budgetSource, cause } = report
  console.log(`${name}: answer ${answeredMs} ms, budget ${Math.round(budgetMs)} ms (${budgetSource}), reported ${reportedMs} ms, SIGKILL after ${aliveMs} ms\n  ${cause?.kind}: ${cause?.detail}`)
}

describe.concurrent('on a cluster', () => {
  test.each<Case>([
    { name: 'delete', end: (name) => remove(name), source: policy, cause: deletion('a grace period of 30 s') },
    { name: 'delete-5', end: (name) => remove(name, '--grace-period=5'), source: grace, cause: deletion("5 s instead of the Pod's own 30 s") },
    { name: 'delete-now', end: (name) => remove(name, '--now'), source: grace, cause: deletion('1 s') },
    // Soon after the question at the start: later the API server no longer knows the token, and the answer is 401.
    { name: 'delete-force', end: (name) => remove(name, '--force', '--grace-period=0'), source: 'a deletion by force', cause: deletion('by force') },
    { name: 'evict', end: (name) => evict(name), source: policy, cause: { kind: 'eviction' } },
    { name: 'pre-stop', end: (name) => remove(name), spec: { terminationGracePeriodSeconds: 15 }, container: preStop(8), source: timestamp, cause: deletion('15 s') },
    { name: 'pre-stop-overruns', end: (name) => remove(name), spec: { terminationGracePeriodSeconds: 6 }, container: preStop(60), source: timestamp, cause: deletion('6 s') },
    {
      name: 'liveness',
      end: (name) => kubectl(['exec', '-n', namespace, name, '--', 'node', '-e', "fetch('http://127.0.0.1:8080/fail')"]),
      container: { livenessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, failureThreshold: 1 } },
      source: policy,
      cause: { kind: 'node-or-in-place' },
    },
    {
      name: 'no-role',
      end: (name) => remove(name),
      spec: { serviceAccountName: 'stranger' },
      source: policy,
      cause: { kind: 'unknown', detail: expect.stringContaining('403') as string },
    },
  ])('$name', async ({ name, end, spec, container, source, cause }) => {
    const observed = await observe(namespace, name, podManifest(namespace, name, code, spec, container), () => end(name))
    show(name, observed)
    expect(observed.report).toMatchObject({ cause, budgetSource: source })
    expectInTime(observed)
    if (name !== 'no-role') expect(observed.warnings.filter((warning) => !warning.includes('terminationGracePeriodSeconds'))).toEqual([])
  })

  test('the warning about a missing role carries what repairs it', async () => {
    const name = 'repaired'
    const manifest = podManifest(namespace, name, code, { serviceAccountName: 'newcomer' })
    const before = await observe(namespace, name, manifest, () => remove(name))
    const [warning = ''] = before.warnings
    await kubectl(['apply', '-f', '-'], warning.slice(warning.indexOf('apiVersion')))
    const after = await observe(namespace, `${name}-2`, podManifest(namespace, `${name}-2`, code, { serviceAccountName: 'newcomer' }), () => remove(`${name}-2`, '--grace-period=5'))
    expect(after.warnings).toEqual([])
    expect(after.report).toMatchObject({ cause: { kind: 'deletion' }, budgetSource: grace })
  })

  // Why one question is enough (kubernetes/kubernetes issue 83916).
  test('a second deletion with a shorter grace period does not hasten SIGKILL', async () => {
    const name = 'twice'
    const observed = await observe(namespace, name, podManifest(namespace, name, code, { terminationGracePeriodSeconds: 12 }), async () => {
      await remove(name)
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      await remove(name, '--grace-period=1')
    })
    show(name, observed)
    expect(observed.aliveMs).toBeGreaterThan(11_000)
    expectInTime(observed)
  })
})
