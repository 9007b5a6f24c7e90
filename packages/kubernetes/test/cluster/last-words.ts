import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kubectl, podManifest, uploadCode } from './cluster.ts'

// On a real cluster: what core leaves in a container's status when the container is killed for a failed liveness probe, which leaves the Pod to be read.
const namespace = `lameduck-words-${process.pid}`
let code: object

beforeAll(async () => {
  await kubectl(['create', 'namespace', namespace])
  await kubectl(['create', 'serviceaccount', '-n', namespace, 'reader'])
  code = await uploadCode(namespace)
})
afterAll(() => kubectl(['delete', 'namespace', namespace, '--wait=false']))

interface Terminated {
  readonly exitCode: number
  readonly message: string
}

interface Case {
  readonly kind: string
  /** What the service takes for its grace period; the Pod's is 4 s. */
  readonly graceMs: number
  readonly phase: 'Succeeded' | 'Failed'
  readonly exitCode: number
  readonly message: object
}

describe.concurrent('on a cluster, the termination message of', () => {
  test.each<Case>([
    { kind: 'clean', graceMs: 4_000, phase: 'Succeeded', exitCode: 0, message: { lameduck: 'stopped', result: 'clean', reason: 'SIGTERM' } },
    { kind: 'hangs', graceMs: 60_000, phase: 'Failed', exitCode: 137, message: { lameduck: 'stopping', running: ['cache'], waiting: ['pool'], steps: [{ name: 'http', outcome: 'drained' }] } },
    { kind: 'blocks', graceMs: 4_000, phase: 'Failed', exitCode: 70, message: { result: 'stalled', running: ['cache'], stack: expect.arrayContaining([expect.stringContaining('flushCache')]) as unknown } },
  ])('a service that $kind', async ({ kind, graceMs, phase, exitCode, message }) => {
    const manifest = podManifest(namespace, kind, code, { terminationGracePeriodSeconds: 4 }, {
      command: ['node', '/code/last-words.mjs', kind, String(graceMs)],
      livenessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
    })
    await kubectl(['create', '-f', '-'], JSON.stringify(manifest))
    await kubectl(['wait', '-n', namespace, `pod/${kind}`, '--for=condition=Ready', '--timeout=60s'])
    await kubectl(['exec', '-n', namespace, kind, '--', 'node', '-e', "fetch('http://127.0.0.1:8080/fail')"])
    await kubectl(['wait', '-n', namespace, `pod/${kind}`, `--for=jsonpath={.status.phase}=${phase}`, '--timeout=60s'])
    const terminated = JSON.parse(await kubectl(['get', '-n', namespace, `pod/${kind}`, '-o', 'jsonpath={.status.containerStatuses[0].state.terminated}'])) as Terminated
    console.log(`${kind}: exit code ${terminated.exitCode}, ${terminated.message}`)
    expect(terminated.exitCode).toBe(exitCode)
    expect(JSON.parse(terminated.message)).toMatchObject(message)
  })
})
