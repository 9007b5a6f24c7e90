import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectTo, startRedis, versions, type Redis, type RedisServer } from './harness.ts'
import { runProgram } from './run-program.ts'

/** Runs that must all go well, those in which one must go wrong, and how many of them at once: a process is mostly starting. */
const runs = 20
const mostNaiveRuns = 100
const atOnce = 4
const elements = 1_000

let server: RedisServer
let admin: Redis
let lastKey = 0
beforeAll(async () => {
  server = await startRedis()
  admin = connectTo(server, versions[1].Redis)
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

describe.each(versions)('a process with a BLPOP loop and ioredis $version that gets SIGTERM while 1000 elements are pushed', ({ alias }) => {
  test(`loses none in ${runs} runs`, { timeout: 120_000 }, async () => {
    await inTurns(runs, async () => {
      const { handled, left, code, stderr } = await terminateOne(alias, 'lameduck')
      expect({ code, stderr: stderr.replaceAll(/^lameduck: still waiting for .*\n/gm, '') }).toEqual({ code: 0, stderr: '' })
      expect([...handled, ...left].sort()).toEqual(Array.from({ length: elements }, (_, element) => String(element)).sort())
    })
  })

  test('loses some when it closes its connection itself', { timeout: 120_000 }, async () => {
    let lost = 0
    await inTurns(mostNaiveRuns, async () => {
      const { handled, left } = await terminateOne(alias, 'naive')
      lost += elements - handled.length - left.length
    }, () => lost > 0)
    expect(lost).toBeGreaterThan(0)
  })
})

async function inTurns(most: number, run: () => Promise<void>, isEnough: () => boolean = () => false): Promise<void> {
  let begun = 0
  const turn = async (): Promise<void> => {
    while (begun < most && !isEnough()) {
      begun += 1
      await run()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, turn))
}

interface Ended {
  readonly handled: readonly string[]
  readonly left: readonly string[]
  readonly code: number | null
  readonly stderr: string
}

async function terminateOne(alias: string, how: 'lameduck' | 'naive'): Promise<Ended> {
  const key = `consume:${(lastKey += 1)}`
  const program = runProgram(new URL('fixtures/consume.mjs', import.meta.url), [server.url, alias, how, key])
  await program.printed(/^ready$/)
  const terminateAt = Math.floor(Math.random() * elements)
  for (let element = 0; element < elements; element += 1) {
    const pushed = admin.rpush(`${key}:queue`, String(element))
    if (element % 5 === 0) await pushed
    if (element === terminateAt) program.terminate()
  }
  const { code, stderr } = await program.ended
  const [handled, left] = await Promise.all([admin.lrange(`${key}:handled`, 0, -1), admin.lrange(`${key}:queue`, 0, -1)])
  return { handled, left, code, stderr }
}
