import { describe, expect, it } from 'vitest'
import type { RehearsalEvent } from '../src/index.ts'
import { fixture, rehearseServer } from './rehearse-server.ts'

describe('nobody is terminated', () => {
  it('loses nothing: what is lost in a rehearsal is lost by the service', async () => {
    const rehearsal = await rehearseServer({
      replicas: 3,
      warmUpMs: 2_000,
      rollout: { terminate: 0 },
      load: { fast: 40, slow: 20, streams: 5 },
    })
    expect(rehearsal.load.failures).toEqual([])
    expect(rehearsal.load).toMatchObject({ lost: 0, streams: { opened: 5, ended: 0, lost: 0, openAtEnd: 5 } })
    expect(rehearsal.load.sent).toBeGreaterThan(500)
    expect(rehearsal.load.ok).toBe(rehearsal.load.sent)
    expect(rehearsal.exits).toEqual([])
    expect(rehearsal.replicas.map((replica) => replica.exit?.during)).toEqual(['end', 'end', 'end'])
    for (const replica of rehearsal.replicas) expect(replica.connections).toBeGreaterThan(0)
  })

  it('loses nothing with a delay in the path, and the delay is seen', async () => {
    const rehearsal = await rehearseServer({ rollout: { terminate: 0 }, network: { delayMs: 20 }, warmUpMs: 1_000 })
    expect(rehearsal.load.failures).toEqual([])
    expect(rehearsal.load.latency.p50Ms).toBeGreaterThanOrEqual(39)
    expect(rehearsal.load.sent).toBeGreaterThan(50)
  })
})

describe('a rolling update', () => {
  it('loses nothing when the old replicas serve on with Connection: close for longer than everybody is idle', async () => {
    const events: RehearsalEvent[] = []
    const afterLoad = { status: 0, orders: 0 }
    const rehearsal = await rehearseServer({
      env: { ON_TERM: 'lame-duck', DRAIN_MS: '2000' },
      coolDownMs: 800,
      // So many that some come to the last replica, whatever the seed's routing makes of a busy machine.
      load: { fast: 30, slow: 5, streams: 4, script: fixture('orders.mjs') },
      onEvent: (event) => events.push(event),
      async afterLoad({ url, records }) {
        afterLoad.status = (await fetch(url)).status
        afterLoad.orders = records['order']?.length ?? 0
      },
    })
    expect(afterLoad).toEqual({ status: 200, orders: rehearsal.load.ok })
    expect(rehearsal.load.failures).toEqual([])
    expect(rehearsal.load.lost).toBe(0)
    expect(rehearsal.load.streams).toMatchObject({ lost: 0, openAtEnd: 4 })
    expect(rehearsal.load.streams.ended).toBeGreaterThanOrEqual(4)
    expect(rehearsal.exits.map(({ replica, code, signal, during, killed }) => ({ replica, code, signal, during, killed }))).toEqual([
      { replica: 'old-1', code: 0, signal: null, during: 'terminating', killed: false },
      { replica: 'old-2', code: 0, signal: null, during: 'terminating', killed: false },
    ])
    for (const exit of rehearsal.exits) {
      expect(exit.afterSignalMs).toBeGreaterThanOrEqual(1_990)
      expect((exit.graceLeftMs ?? 0) + (exit.afterSignalMs ?? 0)).toBeCloseTo(30_000, 0)
    }

    // Each accepted order was answered by the replica that gave its number, and nobody else's answer was taken for it.
    const orders = rehearsal.load.records['order'] ?? []
    expect(orders.length).toBe(rehearsal.load.ok)
    expect(new Set(orders).size).toBe(orders.length)
    expect(orders.some((order) => order.startsWith('new-2-'))).toBe(true)

    const [old1] = rehearsal.replicas
    expect(old1?.report?.result).toBe('clean')
    expect(old1?.output.map((line) => line.text)).toContain('got SIGTERM')
    // Refused before it listens, and perhaps once more while it ends.
    const answers = (probe: string) => old1?.probes.filter((change) => change.probe === probe && change.status !== undefined).map((change) => change.status)
    expect(answers('readiness')).toEqual([200, 503])
    expect(answers('liveness')).toEqual([200])

    const story = events.filter((event) => 'replica' in event && event.replica.endsWith('-1') && event.type !== 'probe-changed').map((event) => event.type)
    expect(story).toEqual(['replica-started', 'replica-ready', 'replica-started', 'replica-ready', 'replica-terminating', 'replica-signalled', 'replica-exited', 'replica-exited'])
    const counted = events.filter((event) => event.type === 'load-counted')
    expect(counted.at(-1)?.counts.sent).toBe(rehearsal.load.sent)
    // Both were going at the same time: one does not wait for the other.
    const [first, second] = rehearsal.replicas
    expect(second?.terminatingAtMs).toBeLessThan(first?.exit?.atMs ?? 0)
  })

  it('waits for one exit before the next replacement when asked', async () => {
    const rehearsal = await rehearseServer({ env: { ON_TERM: 'lame-duck', DRAIN_MS: '400' }, rollout: { waitForExit: true } })
    const [old1, , , new2] = rehearsal.replicas
    expect(new2?.name).toBe('new-2')
    expect(new2?.startedAtMs).toBeGreaterThanOrEqual(old1?.exit?.atMs ?? Infinity)
  })

  it('tells what a server loses that exits at once', async () => {
    const rehearsal = await rehearseServer({ env: { ON_TERM: 'exit' }, load: { fast: 20, slow: 5, streams: 4 } })
    const { failures } = rehearsal.load
    expect(rehearsal.load.lost).toBeGreaterThan(0)
    expect(rehearsal.load.lost + rehearsal.load.ok).toBe(rehearsal.load.sent)
    expect(rehearsal.load.streams.lost).toBe(failures.filter((failure) => failure.kind === 'stream').length)
    expect(failures.length).toBe(rehearsal.load.lost + rehearsal.load.streams.lost)

    // Requests on pinned connections are cut; new connections are still routed there, and refused; streams have no end.
    const reasons = new Set(failures.map((failure) => failure.reason))
    expect(reasons).toContain('reset-before-headers')
    expect(reasons).toContain('refused')
    expect(failures.filter((failure) => failure.kind === 'stream').map((failure) => failure.reason)).toContain('truncated')
    expect(failures.some((failure) => failure.reason === 'refused' && failure.detail === 'connect ECONNREFUSED')).toBe(true)
    expect(failures.some((failure) => failure.reusedConnection)).toBe(true)
    for (const failure of failures) {
      expect(failure.replica).toMatch(/^old-[12]$/)
      expect(failure.afterSignalMs).toBeGreaterThan(-50)
      // Endpoints are gone by then.
      expect(failure.afterSignalMs).toBeLessThan(300 + 500)
    }
    for (const exit of rehearsal.exits) expect(exit).toMatchObject({ code: 0, during: 'terminating', killed: false })
  })

  it('keeps routing to a replica for as long as the propagation takes, and no longer', async () => {
    const lastRefusal = async (propagationMs: number): Promise<number> => {
      const rehearsal = await rehearseServer({
        env: { ON_TERM: 'exit' },
        network: { propagationMs },
        rollout: { terminate: 1 },
        coolDownMs: 1_500,
        load: { fast: 10, slow: 0, script: fixture('new-connections.mjs') },
      })
      return Math.max(...rehearsal.load.failures.filter((failure) => failure.reason === 'refused').map((failure) => failure.afterSignalMs ?? 0))
    }
    const [short, long] = [await lastRefusal(200), await lastRefusal(1_000)]
    expect(short).toBeLessThan(400)
    expect(long).toBeGreaterThan(600)
    expect(long).toBeLessThan(1_300)
  })

  it('takes a terminating replica out although it goes on saying ready', async () => {
    const rehearsal = await rehearseServer({
      env: { ON_TERM: 'ignore', WORK_MS: '60' },
      rollout: { terminate: 1, graceMs: 1_500, leastAfterSignalMs: 0 },
      load: { fast: 20, slow: 0, script: fixture('new-connections.mjs') },
    })
    expect(rehearsal.exits).toMatchObject([{ killed: true }])
    // Nothing was there any more when it was killed.
    expect(rehearsal.load.failures).toEqual([])
  })

  it('kills at the end of the grace period what hangs in server.close() under keep-alive', async () => {
    const rehearsal = await rehearseServer({ env: { ON_TERM: 'close', WORK_MS: '60' }, load: { fast: 30, slow: 0 }, rollout: { graceMs: 1_000, leastAfterSignalMs: 0 } })
    expect(rehearsal.exits).toHaveLength(2)
    for (const exit of rehearsal.exits) {
      expect(exit).toMatchObject({ code: null, signal: 'SIGKILL', during: 'terminating', killed: true, graceLeftMs: 0 })
      expect(exit.afterSignalMs).toBeGreaterThanOrEqual(1_000)
      expect(exit.afterSignalMs).toBeLessThan(1_500)
    }
  })
})

it('lets the last replicas leave like the others when asked, after the load', async () => {
  const rehearsal = await rehearseServer({ env: { ON_TERM: 'lame-duck', DRAIN_MS: '50' }, rollout: { terminate: 0 }, lastReplicas: 'terminate' })
  expect(rehearsal.load.failures).toEqual([])
  expect(rehearsal.exits).toMatchObject([
    { code: 0, during: 'terminating' },
    { code: 0, during: 'terminating' },
  ])
})

it('a program without a handler dies of the signal itself', async () => {
  const rehearsal = await rehearseServer({
    command: [process.execPath, '-e', `require('node:http').createServer((_, response) => response.end()).listen(process.env.PORT, '127.0.0.1')`],
    probes: { readiness: { path: '/', port: 'app' }, liveness: 'none' },
    rollout: { terminate: 1 },
  })
  expect(rehearsal.exits).toMatchObject([{ code: null, signal: 'SIGTERM', killed: false }])
})

describe('preStop', () => {
  it('sleeps before the signal, within the grace period', async () => {
    const rehearsal = await rehearseServer({
      rollout: { terminate: 1, preStop: { sleepMs: 1_200 }, graceMs: 3_000, leastAfterSignalMs: 500 },
    })
    const [old1] = rehearsal.replicas
    expect(old1?.preStop?.error).toBeUndefined()
    expect((old1?.signalledAtMs ?? 0) - (old1?.terminatingAtMs ?? 0)).toBeGreaterThanOrEqual(1_195)
    // Whole seconds count: 3 s − 1 s.
    expect(old1?.killAfterMs).toBe(2_000)
  })

  it('is cut at the end of the grace period, and leaves the least time', async () => {
    const rehearsal = await rehearseServer({
      rollout: { terminate: 1, preStop: { sleepMs: 60_000 }, graceMs: 600, leastAfterSignalMs: 900 },
      env: { ON_TERM: 'close', WORK_MS: '60' },
      load: { fast: 30, slow: 0 },
    })
    const [old1] = rehearsal.replicas
    expect(old1?.preStop?.error).toContain('cut')
    expect(old1?.killAfterMs).toBe(900)
    expect(old1?.exit).toMatchObject({ signal: 'SIGKILL', killed: true })
  })

  it('calls httpGet and ignores its status', async () => {
    const rehearsal = await rehearseServer({
      rollout: { terminate: 1, preStop: { httpGet: { path: '/pre-stop', port: 'probe' } } },
      env: { ON_TERM: 'lame-duck', DRAIN_MS: '300' },
    })
    const [old1] = rehearsal.replicas
    expect(old1?.output.map((line) => line.text)).toEqual(expect.arrayContaining(['pre-stop called', 'got SIGTERM']))
    expect(old1?.preStop?.error).toBeUndefined()
    expect(old1?.preStop?.tookMs).toBeGreaterThanOrEqual(295)
    expect(old1?.exit?.code).toBe(0)
  })

  it('a failed hook delays nothing', async () => {
    const rehearsal = await rehearseServer({
      rollout: { terminate: 1, preStop: { httpGet: { path: '/reset', port: 'app' } } },
    })
    expect(rehearsal.replicas[0]?.preStop?.error).toMatch(/ECONNRESET|hang up/)
    expect(rehearsal.replicas[0]?.preStop?.tookMs).toBeLessThan(500)
  })
})
