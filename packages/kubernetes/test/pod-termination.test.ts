import { rename, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createLifecycle, type Cause, type Lifecycle, type Reason, type Report } from '@lameduck/core'
import { createFakeClock } from '@lameduck/core/testing'
import { describe, expect, test, vi } from 'vitest'
import { podTermination, type PodTerminationOptions } from '../src/index.ts'
import { apiServer, boundToken, mounted, notFound, podAnswer, type Handler } from './support/api-server.ts'
import { otherAuthority } from './support/certificate.ts'

const sigterm: Reason = { kind: 'signal', signal: 'SIGTERM', interactive: false }

interface World {
  readonly lifecycle: Lifecycle
  /** Resolves when something has been attributed: the answer has been dealt with, in the same tick. */
  readonly attributed: Promise<Cause>
  /** Whether the drain has begun. */
  readonly draining: () => boolean
  /** Lets the drain end. */
  readonly release: () => void
}

/** A lifecycle whose time stands still, with one resource that drains until it is released. */
function world(): World {
  const clock = createFakeClock()
  const real = createLifecycle({ policy: { graceMs: 30_000 }, clock, env: {} })
  let begun = false
  let release = (): void => {}
  real.add({
    name: 'work',
    phase: 'work',
    drain: () => {
      begun = true
      return new Promise<void>((resolve) => (release = resolve))
    },
  })
  let onAttributed = (_cause: Cause): void => {}
  const attributed = new Promise<Cause>((resolve) => (onAttributed = resolve))
  const lifecycle = Object.assign(Object.create(real) as Lifecycle, {
    attribute(cause: Cause) {
      real.attribute(cause)
      onAttributed(cause)
    },
  })
  return { lifecycle, attributed, draining: () => begun, release: () => release() }
}

/** Stops on SIGTERM, waits for what becomes of the question, ends the drain, and gives the report. */
async function stopOn(options: PodTerminationOptions): Promise<Report> {
  const { lifecycle, attributed, draining, release } = world()
  podTermination(lifecycle, options)
  const reported = lifecycle.stop(sigterm)
  await Promise.resolve()
  expect(draining(), 'the drain begins without waiting').toBe(true)
  await attributed
  release()
  const report = await reported
  expect(report).toMatchObject({ result: 'clean', tookMs: 0 })
  return report
}

describe('the deadline', () => {
  test.each<[string, Parameters<typeof podAnswer>[0], number]>([
    ['the grace period of the deletion follows the signal', { deletionInS: 10, graceS: 10 }, 10_000],
    ['… whatever the clocks say', { deletionInS: 10, graceS: 10, skewS: 4_000 }, 10_000],
    ['… but never less than the kubelet gives', { deletionInS: 1, graceS: 1 }, 2_000],
    ['after a preStop hook the timestamp counts, less the second that Date may be cut by', { deletionInS: 12, preStop: true }, 11_000],
    ["… by the server's clock, which may be ahead", { deletionInS: 12, preStop: true, skewS: 3_600 }, 11_000],
    ['… or behind', { deletionInS: 12, preStop: true, skewS: -86_400 }, 11_000],
    ['a hook that has used it all up leaves what the kubelet always gives', { deletionInS: -1, preStop: true }, 2_000],
  ])('%s', async (_what, pod, killInMs) => {
    const server = await apiServer(podAnswer(pod))
    const report = await stopOn({ env: server.env, folder: await mounted() })
    expect(report.budgetMs).toBeLessThanOrEqual(killInMs - 1_000)
    expect(report.budgetMs).toBeGreaterThan(killInMs - 1_000 - 300)
    expect(report.budgetSource).toBe(pod?.preStop ? "the Pod's deletionTimestamp" : "the deletion's grace period")
    expect(report.cause?.kind).toBe('deletion')
    await server.idle()
  })

  test.each<[string, Handler, Cause['kind']]>([
    ['longer than the policy', podAnswer({ deletionInS: 60, graceS: 60 }), 'deletion'],
    ['longer than the policy, by the timestamp', podAnswer({ deletionInS: 60, graceS: 60, preStop: true }), 'deletion'],
    ['long past, since the kubelet was away', podAnswer({ deletionInS: -300, preStop: true }), 'deletion'],
    ['not there', podAnswer(), 'node-or-in-place'],
    ['without a Date to compare it with', withoutDate(podAnswer({ deletionInS: 5, preStop: true })), 'deletion'],
  ])('is the policy when the timestamp is %s', async (_what, handler, kind) => {
    const server = await apiServer(handler)
    const report = await stopOn({ env: server.env, folder: await mounted() })
    expect(report).toMatchObject({ budgetMs: 29_000, budgetSource: 'policy.graceMs', cause: { kind } })
  })

  test.each<[string, Handler]>([
    ['is gone', (_request, response) => response.writeHead(404).end(JSON.stringify(notFound))],
    ['has a successor of the same name', podAnswer({ uid: 'another' })],
  ])('is what the kubelet gives when the Pod %s', async (_what, handler) => {
    const server = await apiServer(handler)
    const report = await stopOn({ env: server.env, folder: await mounted({ token: boundToken('own') }) })
    expect(report).toMatchObject({ budgetSource: 'a deletion by force', cause: { kind: 'deletion', detail: expect.stringContaining('by force') as string } })
    expect(report.budgetMs).toBeLessThanOrEqual(1_000)
    expect(report.budgetMs).toBeGreaterThan(700)
  })
})

describe('what cannot be read changes nothing and is told', () => {
  const drip: Handler = (_request, response) => {
    const timer = setInterval(() => response.write('{'), 5)
    response.on('close', () => clearInterval(timer))
  }
  const huge: Handler = (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(' '.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  }

  test.each<[string, Handler, RegExp]>([
    ['401', status(401, 'Unauthorized'), /^401: Unauthorized \(a token dies with its Pod/],
    ['403', status(403, 'pods "orders-1" is forbidden'), /^403: pods "orders-1" is forbidden$/],
    ['404 with a token that names no Pod, so that the name may be wrong', status(404, 'pods "orders-1" not found'), /^404: pods/],
    ['500 without an explanation', (_request, response) => response.writeHead(500).end('oops'), /^500: no explanation$/],
    ['a redirection', (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end(), /^302: /],
    ['garbage', (_request, response) => response.end('<html>'), /JSON/],
    ['something else', (_request, response) => response.end('{"kind":"Status"}'), /^the answer is not a Pod$/],
    ['nothing at all', () => {}, /^no answer within 100 ms$/],
    ['one byte after the other', drip, /^no answer within 100 ms$/],
    ['a reset', (request) => request.socket.destroy(), /hang up|ECONNRESET/],
    ['half an answer', (request, response) => response.write('{"kind":"Pod"', () => request.socket.destroy()), /aborted|ECONNRESET/],
    ['no end', huge, /more than 2097152 bytes/],
    ['a very long explanation', status(418, 'x'.repeat(10_000)), /^418: x{290,300}…$/],
  ])('%s', async (_what, handler, why) => {
    const server = await apiServer(handler)
    const isHuge = handler === huge
    const report = await stopOn({ env: server.env, folder: await mounted(), timeoutMs: isHuge ? 20_000 : handler === drip || why.source.includes('within') ? 100 : 5_000 })
    expect(report).toMatchObject({ budgetMs: 29_000, budgetSource: 'policy.graceMs', cause: { kind: 'unknown' }, result: 'clean' })
    expect(report.cause?.detail.replace('the Pod could not be read: ', '')).toMatch(why)
    await server.idle()
  })

  test('a certificate of another authority, even where verification was switched off for the process', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      const server = await apiServer(podAnswer({ deletionInS: 5, graceS: 5 }))
      const report = await stopOn({ env: server.env, folder: await mounted({ 'ca.crt': otherAuthority }) })
      expect(report).toMatchObject({ budgetMs: 29_000, cause: { kind: 'unknown', detail: expect.stringContaining('self-signed certificate') as string } })
      expect(server.requests).toEqual([])
      await server.idle()
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    }
  })

  test('a name that does not resolve, and a port where nobody listens', async () => {
    const folder = await mounted()
    const nowhere = await stopOn({ env: { KUBERNETES_SERVICE_HOST: 'api.invalid', HOSTNAME: 'orders-1' }, folder })
    expect(nowhere.cause?.detail).toMatch(/queryA |no answer within 300 ms/)
    const refused = await stopOn({ env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1', HOSTNAME: 'orders-1' }, folder })
    expect(refused.cause?.detail).toContain('ECONNREFUSED')
  })

  test('a Pod without a token', async () => {
    const report = await stopOn({ env: { KUBERNETES_SERVICE_HOST: '127.0.0.1' }, folder: '/nonexistent' })
    expect(report.cause?.detail).toContain('automountServiceAccountToken')
  })
})

describe('the question', () => {
  test('goes to the own Pod with the token as it is now', async () => {
    const server = await apiServer(podAnswer({ deletionInS: 20, graceS: 20 }))
    const folder = await mounted({ token: boundToken('own') })
    await stopOn({ env: { ...server.env, HOSTNAME: 'a-host' }, folder })
    // As the kubelet does it: a new file takes the name of the old one.
    await writeFile(join(folder, 'next'), 'rotated')
    await rename(join(folder, 'next'), join(folder, 'token'))
    await stopOn({ env: { ...server.env, POD_NAME: 'named', POD_NAMESPACE: 'own' }, folder })
    await stopOn({ env: server.env, folder, podName: 'a.b-0', namespace: 'c' })
    expect(server.requests).toEqual([
      `/api/v1/namespaces/shop/pods/orders-1 Bearer ${boundToken('own')}`,
      '/api/v1/namespaces/own/pods/named Bearer rotated',
      '/api/v1/namespaces/c/pods/a.b-0 Bearer rotated',
    ])
  })

  const hasIPv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))

  test.skipIf(!hasIPv6).each(['::1', '[::1]'])('goes to the IPv6 address %s too', async (address) => {
    const server = await apiServer(podAnswer({ deletionInS: 5, graceS: 5 }), '::1')
    const report = await stopOn({ env: { ...server.env, KUBERNETES_SERVICE_HOST: address }, folder: await mounted() })
    expect(report.cause).toMatchObject({ kind: 'deletion', detail: expect.stringContaining('5 s') as string })
  })

  test.skipIf(!hasIPv6)('trusts no IPv6 address that is not in the certificate', async () => {
    const server = await apiServer(podAnswer())
    const report = await stopOn({ env: { ...server.env, KUBERNETES_SERVICE_HOST: '::ffff:127.0.0.1' }, folder: await mounted() })
    expect(report.cause?.detail).toContain("does not match certificate's altnames")
    expect(server.requests).toEqual([])
  })

  test('is only asked when the platform has sent a signal, once, and not after the end', async () => {
    const server = await apiServer(podAnswer({ deletionInS: 20, graceS: 20 }))
    const options = { env: server.env, folder: await mounted() }
    const reasons: Reason[] = [{ kind: 'programmatic' }, { kind: 'signal', signal: 'SIGINT', interactive: true }, { kind: 'fatal', origin: 'start', error: new Error('no') }]
    const others = reasons.map((reason) => {
      const { lifecycle, release } = world()
      podTermination(lifecycle, options)
      return { reported: lifecycle.stop(reason), release }
    })
    const ended = world()
    podTermination(ended.lifecycle, options)()
    others.push({ reported: ended.lifecycle.stop(sigterm), release: ended.release })

    const { lifecycle, attributed } = world()
    podTermination(lifecycle, options)
    void lifecycle.stop(sigterm)
    void lifecycle.stop(sigterm)
    await attributed
    for (const { reported, release } of others) {
      release()
      expect((await reported).cause).toBeUndefined()
    }
    expect(server.requests).toHaveLength(1)
  })

  test('is given up when the stop is over first', async () => {
    let arrived = (): void => {}
    const asked = new Promise<void>((resolve) => (arrived = resolve))
    const server = await apiServer(() => arrived())
    const { lifecycle, release } = world()
    podTermination(lifecycle, { env: server.env, folder: await mounted(), timeoutMs: 60_000 })
    const reported = lifecycle.stop(sigterm)
    await asked
    release()
    expect((await reported).cause).toBeUndefined()
    await server.idle()
  })

  test('is not asked outside Kubernetes', () => {
    const { lifecycle } = world()
    const subscribe = vi.spyOn(lifecycle, 'subscribe')
    podTermination(lifecycle, { env: {} })()
    expect(subscribe).not.toHaveBeenCalled()
  })
})

describe('after the start', () => {
  /** Starts, and gives what was warned about when the answer has been dealt with. */
  async function warningsAfterStart(handler: Handler, folder: string): Promise<string[]> {
    const server = await apiServer(handler)
    const { lifecycle } = world()
    const warnings = warningsOf(lifecycle)
    podTermination(lifecycle, { env: server.env, folder })
    await lifecycle.start()
    expect(warnings, 'the start does not wait').toEqual([])
    await server.idle()
    await new Promise((resolve) => setImmediate(resolve))
    return warnings
  }

  test('a missing role is told with what repairs it', async () => {
    const [warning, ...others] = await warningsAfterStart(status(403, 'pods "orders-1" is forbidden'), await mounted({ token: boundToken('own') }))
    expect(warning).toContain('403: pods "orders-1" is forbidden. Apply:')
    expect(warning).toContain('rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]')
    expect(warning).toContain('subjects: [{ kind: ServiceAccount, name: "orders", namespace: "shop" }]')
    expect(others).toEqual([])
  })

  test('a policy that is longer than the Pod allows is told', async () => {
    const [warning] = await warningsAfterStart(podAnswer({ ownGraceS: 20 }), await mounted())
    expect(warning).toContain("the policy's grace period is 30000 ms, the Pod's terminationGracePeriodSeconds only 20")
  })

  test('nothing is told when all is well', async () => {
    expect(await warningsAfterStart(podAnswer(), await mounted())).toEqual([])
  })

  test('a lifecycle that is ready already is checked at once, and the report has the warning', async () => {
    const server = await apiServer(status(401, 'Unauthorized'))
    const { lifecycle, release } = world()
    await lifecycle.start()
    const warned = new Promise<string>((resolve) => lifecycle.subscribe((event) => event.type === 'warning' && resolve(event.message)))
    podTermination(lifecycle, { env: server.env, folder: await mounted() })
    const warning = await warned
    expect(warning).toContain('401: Unauthorized')
    const reported = lifecycle.stop(sigterm)
    await Promise.resolve()
    release()
    expect((await reported).warnings).toEqual([warning])
  })

  test('a stop that begins meanwhile ends the check without a warning', async () => {
    const arrivals: (() => void)[] = []
    const first = new Promise<void>((resolve) => arrivals.push(resolve))
    const server = await apiServer((request, response) => {
      const arrived = arrivals.shift()
      if (arrived) arrived()
      else podAnswer({ deletionInS: 20, graceS: 20 })(request, response)
    })
    const { lifecycle, attributed } = world()
    const warnings = warningsOf(lifecycle)
    podTermination(lifecycle, { env: server.env, folder: await mounted() })
    await lifecycle.start()
    await first
    void lifecycle.stop(sigterm)
    expect((await attributed).kind).toBe('deletion')
    await server.idle()
    expect(warnings).toEqual([])
  })
})

describe('what contradicts itself, or is not there, moves nothing', () => {
  const pod = (metadata: object): Handler => (_request, response) =>
    response.end(JSON.stringify({ kind: 'Pod', metadata: { name: 'orders-1', namespace: 'shop', uid: 'own', ...metadata }, spec: { containers: [{ name: 'orders' }] } }))

  test.each<[string, Handler]>([
    ['a Pod without a uid', pod({ uid: undefined, deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: 1 })],
    ['a deletion in the year 9999', pod({ deletionTimestamp: '9999-12-31T23:59:59Z', deletionGracePeriodSeconds: 1 })],
    ['a deletion in 1970', pod({ deletionTimestamp: '1970-01-01T00:00:00Z', deletionGracePeriodSeconds: 1 })],
    ['a grace period without a deletion', pod({ deletionGracePeriodSeconds: 1 })],
    ['a 404 of something before the API server', (_request, response) => response.writeHead(404).end('<html>no such page</html>')],
    ['a 404 for something else', status(404, 'namespaces "shop" not found')],
    ['an answer in gzip, which nobody asked for', (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{'.repeat(10_000_000)))],
    ['a change of protocols', (_request, response) => response.writeHead(101, { connection: 'upgrade', upgrade: 'x' }).end()],
    ['a header without an end', (_request, response) => response.writeHead(200, { x: 'x'.repeat(100_000) }).end()],
  ])('%s', async (_what, handler) => {
    const server = await apiServer(handler)
    const report = await stopOn({ env: server.env, folder: await mounted({ token: boundToken('own') }), timeoutMs: 60_000 })
    expect(report).toMatchObject({ budgetMs: 29_000, budgetSource: 'policy.graceMs', result: 'clean' })
    await server.idle()
  })
})

test.each<[string, object]>([
  ['podTermination(): the option timeoutms is not known; did you mean timeoutMs?', { timeoutms: 1 }],
  ['podTermination() takes an object of options', new Map()],
  ['podName must be the name of a Pod; it is "a/../b" (string)', { podName: 'a/../b' }],
  ['namespace must be the name of a namespace; it is "a.b" (string)', { namespace: 'a.b' }],
  ['folder must be the path of a folder; it is 7 (number)', { folder: 7 }],
  ['env must be an object of variables; it is null', { env: null }],
])('%s', (message, options) => {
  expect(() => podTermination(world().lifecycle, options)).toThrow(message)
})

test.each([0, -1, NaN, '300'])('timeoutMs %o is refused', (timeoutMs) => {
  expect(() => podTermination(world().lifecycle, { timeoutMs: timeoutMs as number })).toThrow('timeoutMs')
})

function warningsOf(lifecycle: Lifecycle): string[] {
  const warnings: string[] = []
  lifecycle.subscribe((event) => event.type === 'warning' && warnings.push(event.message))
  return warnings
}

function status(code: number, message: string = 'no'): Handler {
  return (_request, response) => response.writeHead(code).end(JSON.stringify({ kind: 'Status', message }))
}

function withoutDate(handler: Handler): Handler {
  return (request, response) => {
    response.sendDate = false
    response.setHeader = () => response
    handler(request, response)
  }
}
