import type { Outcome, StepReport } from '@lameduck/core'
import type { Server, ServerName } from '@lameduck/servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ownServer } from './own-server.ts'
import { copiedHelper, runEverything, type Mishap, type Run } from './run-everything.ts'
import { killLeftovers } from './running-service.ts'

// One service with HTTP, PostgreSQL, Redis and Kafka, under load. At the moment of the signal one server is frozen, or killed.

const graceMs = 5_000
const marginMs = 1_000
/** The machine may be busy with others. */
const lateMs = 200

let servers: Record<ServerName, Server>
beforeAll(async () => {
  const [postgres, redis, kafka] = await Promise.all([ownServer('postgres'), ownServer('redis', ['--appendonly', 'yes']), ownServer('kafka')])
  servers = { postgres, redis, kafka }
}, 120_000)
afterAll(async () => {
  await killLeftovers()
  await Promise.all(Object.values(servers ?? {}).map((server) => server.stop()))
})

/**
 * The steps that wait for a server, by themselves or by what they run, and how they end when it is frozen. Whoever waits for an answer has
 * gone by then: `pg` has dropped their connections, and of Redis' commands, whose own time (commandTimeout) was over, the step's failure tells.
 */
const frozenSteps: Record<ServerName, Readonly<Record<string, Outcome>>> = {
  postgres: { pg: 'failed', 'pg (shipping)': 'forced', 'kafka-consumer': 'forced' },
  redis: { redis: 'failed', 'redis (blocking)': 'forced' },
  kafka: { 'kafka-consumer': 'forced', 'kafka-producer': 'forced' },
}
const pathOf: Record<ServerName, string> = { postgres: '/orders', redis: '/hits', kafka: '/orders' }
const exitCodes: Record<string, number> = { clean: 0, unknown: 0, forced: 71, failed: 72 }

const mishaps: readonly [string, Mishap][] = [
  ['no server', undefined],
  ['frozen PostgreSQL', { how: 'freeze', server: 'postgres' }],
  ['frozen Redis', { how: 'freeze', server: 'redis' }],
  ['frozen Kafka', { how: 'freeze', server: 'kafka' }],
  ['killed PostgreSQL', { how: 'kill', server: 'postgres' }],
  ['killed Redis', { how: 'kill', server: 'redis' }],
  ['killed Kafka', { how: 'kill', server: 'kafka' }],
]

describe.each(mishaps)('%s', (_title, mishap) => {
  let run: Run
  beforeAll(async () => {
    run = await runEverything({ servers, mishap, graceMs })
  })

  test('the process leaves by itself, before its deadline, with the exit code of its report', () => {
    const { result, budgetMs, tookMs } = reportOf(run)
    expect(run.exit).toEqual({ code: exitCodes[result], signal: null })
    // Less where the signal had to wait for the event loop.
    expect(Math.round(budgetMs)).toBeLessThanOrEqual(graceMs - marginMs)
    expect(tookMs).toBeLessThanOrEqual(budgetMs + lateMs)
    expect(run.tookMs).toBeLessThanOrEqual(graceMs - marginMs + lateMs)
    if (mishap === undefined) expect(result).toBe('clean')
    if (mishap?.how === 'freeze') expect(result).toBe('forced')
  })

  test('every request is answered, and suffers only from what it needs', () => {
    expect(run.answers.filter(({ error }) => error !== undefined)).toEqual([])
    const suffering = new Set(mishap && [pathOf[mishap.server]])
    const bad = badOf(run)
    expect(bad.filter(({ path }) => !suffering.has(path))).toEqual([])
    expect(bad.filter(({ status }) => status !== 503)).toEqual([])
    // What was under way in the frozen server has had its answer from the service's own patience.
    if (mishap?.how === 'freeze') expect(bad.length).toBeGreaterThan(0)
  })

  test('what does not need the server drains, in the time that was reserved for it', () => {
    const { steps } = reportOf(run)
    expect(steps.map(({ name }) => name).toSorted()).toEqual(allSteps)
    const affected = mishap ? Object.keys(frozenSteps[mishap.server]) : []
    expect(steps.filter(({ name, outcome }) => outcome !== 'drained' && outcome !== 'idle' && !affected.includes(name))).toEqual([])
    expect(steps.filter((step) => timeOf(step) < step.reserveMs - (step.late ? lateMs : 1))).toEqual([])
    expect(steps.filter(({ errors }) => errors.some((text) => text.startsWith('force')))).toEqual([])
  })

  test('every accepted order is in PostgreSQL and has one event in Kafka, and no event is skipped', () => {
    const { orders, events, unaccepted } = run.after
    expect(orders).toEqual({ accepted: run.answers.filter(({ path, status }) => path === '/orders' && status === 201).length, missing: [] })
    expect(events).toMatchObject({ unpublished: [], publishedTwice: 0, lost: 0, duplicated: 0 })
    expect(unaccepted).toBeLessThanOrEqual(named(run, 'kafka-producer', /^send to /).length)
  })

  test('every element of the queue is consumed once or still there, and every counted hit counts', () => {
    const { pushed, consumed, left } = run.queue
    const all = [...consumed, ...left]
    expect(new Set(all).size).toBe(all.length)
    expect(consumed.length).toBeGreaterThan(0)
    const missing = pushed.filter((element) => !all.includes(element))
    // One that was popped for a connection that is gone: the hole of BLPOP, which no shutdown closes when it is the server that fails.
    const mayMiss = mishap?.server === 'redis' ? 1 : 0
    expect(missing.length).toBeLessThanOrEqual(mayMiss)
    if (missing.length > 0 && mishap?.how === 'freeze') expect(named(run, 'redis (blocking)', /^BLPOP/)).toHaveLength(1)

    const [counted, refused] = [200, 503].map((code) => run.answers.filter(({ path, status }) => path === '/hits' && status === code).length) as [number, number]
    expect(run.hits).toBeGreaterThanOrEqual(counted)
    expect(run.hits).toBeLessThanOrEqual(counted + refused)
  })

  test('every event that will be handled again is named', () => {
    expect(run.after.events?.shipments).toBeGreaterThan(0)
    const texts = named(run, 'kafka-consumer', /offset/)
    expect(run.after.comeAgain.filter(({ partition, offset }) => !texts.some((text) => namesEvent(text, partition, BigInt(offset))))).toEqual([])
  })

  if (mishap?.how === 'freeze') {
    test('the report names what was cut, and what that may have cost', () => {
      const { server } = mishap
      for (const [name, outcome] of Object.entries(frozenSteps[server])) {
        expect(stepOf(run, name)).toMatchObject({ outcome })
        const told = new RegExp(`work may be lost: .*${escaped(name)}( was)? ${outcome}`)
        if (outcome !== 'drained') expect(run.stderr).toMatch(told)
      }
      cost[server](run)
    })
  }
})

/** One line for everything that was cut, no more and no less. */
const cost: Record<ServerName, (run: Run) => void> = {
  postgres(run) {
    for (const [name, text] of [['pg (shipping)', /^backend \d+: running a query, taken \d/], ['kafka-consumer', /\.placed\[\d\] offset \d+ \d/]] as const) {
      expect(stepOf(run, name).inFlight.atForce).toBeGreaterThan(0)
      expect(named(run, name, text)).toHaveLength(stepOf(run, name).inFlight.atForce ?? -1)
    }
  },
  redis(run) {
    const hits = badOf(run).length
    expect(stepOf(run, 'redis').errors).toEqual([expect.stringMatching(new RegExp(`^${hits} of \\d+ failed while it stopped \\(INCR`))])
    expect(named(run, 'redis (blocking)', /./)).toEqual(['BLPOP: sent, may have been done', 'the end of the loop'])
  },
  kafka(run) {
    expect(named(run, 'kafka-producer', /^send to .*\.placed \d/)).toHaveLength(badOf(run).length)
    expect(named(run, 'kafka-consumer', /^the group .* stand still for up to 6 s/)).toHaveLength(1)
  },
}

test('control: with the copied helper a frozen PostgreSQL costs answers, and it gives up', { timeout: 60_000 }, async () => {
  const run = await runEverything({ servers, mishap: { how: 'freeze', server: 'postgres' }, graceMs, program: copiedHelper })
  expect(run.exit).toEqual({ code: 1, signal: null })
  expect(run.answers.filter(({ error }) => error !== undefined).length).toBeGreaterThan(0)
  expect(run.stderr).toContain('could not close connections in time')
})

const allSteps = ['http', 'kafka-consumer', 'kafka-producer', 'lame duck', 'pg', 'pg (shipping)', 'probes', 'redis', 'redis (blocking)']

function reportOf(run: Run): NonNullable<Run['report']> {
  if (!run.report) throw new Error('there is no report')
  return run.report
}

function badOf(run: Run): Run['answers'] {
  return run.answers.filter(({ status }) => status !== 200 && status !== 201)
}

function stepOf(run: Run, name: string): StepReport {
  const step = reportOf(run).steps.find((each) => each.name === name)
  if (!step) throw new Error(`no step is named ${name}`)
  return step
}

/** What the step was still waiting for when it was cut. */
function named(run: Run, name: string, text: RegExp): readonly string[] {
  return stepOf(run, name).waitingFor.filter((each) => text.test(each))
}

/** `….placed[2] offset 3 1.1 s`, `the commit of ….placed[0] offsets 3 to 4`: whether such a text names the event. */
function namesEvent(text: string, partition: number, offset: bigint): boolean {
  return [...text.matchAll(/\.placed\[(\d+)\] offsets? (\d+)(?: to (\d+))?/g)].some(
    ([, named, first = '', last = first]) => Number(named) === partition && BigInt(first) <= offset && offset <= BigInt(last),
  )
}

function escaped(text: string): string {
  return text.replaceAll(/[()]/g, '\\$&')
}

/** How long the step might have taken, in ms. */
function timeOf({ startedMs, deadlineMs }: StepReport): number {
  return startedMs === undefined || deadlineMs === undefined ? Infinity : deadlineMs - startedMs
}
