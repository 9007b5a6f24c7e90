import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { versions } from './harness.ts'
import { runProgram, type Program } from './run-program.ts'
import { startCluster, type TestCluster } from './servers/cluster.ts'
import { startNode, type Node } from './servers/nodes.ts'
import { startSentinels, type TestSentinels } from './servers/sentinel.ts'

let single: Node
let dead: Node
let cluster: TestCluster
let sentinels: TestSentinels
beforeAll(async () => {
  ;[single, dead, cluster, sentinels] = await Promise.all([startNode(), startNode(), startCluster(60_000), startSentinels()])
})
afterAll(async () => {
  await Promise.all([single, dead, cluster, sentinels].map((each) => each.stop()))
})

const kinds = ['single', 'dead', 'blocking', 'cluster', 'sentinel'] as const

interface Told {
  readonly forcedAtOnce: boolean
  readonly forceCpuMs: number
  readonly cut: number
  readonly pending: number
  readonly status: string
  readonly left: readonly string[]
  readonly sockets: number
  readonly unhandled: readonly string[]
  readonly later: string
}

// All side by side, since each of them waits for 10 s.
test('a client that is cut from servers that do not answer leaves nothing behind, and is quiet for 10 s', { timeout: 120_000 }, async () => {
  const addresses = { single: [single], dead: [dead], blocking: [single], cluster: cluster.masters, sentinel: sentinels.sentinels }
  const clients = versions.flatMap(({ alias }) => kinds.map((kind) => ({ alias, kind })))
  const programs = await Promise.all(
    clients.map(async ({ alias, kind }) => {
      const list = addresses[kind].map(({ host, port }) => ({ host, port }))
      const program = runProgram(new URL('fixtures/cut.mjs', import.meta.url), [alias, kind, JSON.stringify(list)])
      await program.printed(/^ready$/)
      return program
    }),
  )
  for (const { server } of [single, cluster.masters[1]!, sentinels.master, ...sentinels.sentinels]) await server.freeze()
  await dead.server.kill()
  for (const program of programs) program.terminate()
  const told = await Promise.all(programs.map(tellOf))
  for (const [index, { forceCpuMs, cut, unhandled, ...rest }] of told.entries()) {
    const which = JSON.stringify(clients[index])
    expect({ which, ...rest }).toEqual({ which, forcedAtOnce: true, pending: 0, status: 'end', left: [], sockets: 0, later: 'end' })
    expect(cut, which).toBeGreaterThan(0)
    expect(unhandled, which).toEqual([])
    // Fifteen processes on few cores: the bound itself is measured where nothing else runs.
    expect(forceCpuMs, which).toBeLessThan(500)
  }
})

async function tellOf(program: Program): Promise<Told> {
  const { code, lines, stderr } = await program.ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(lines.at(-1)!) as Told
}

describe.each(versions)('commands that nobody awaits, auto-pipelined or in a transaction, with ioredis $version', ({ alias }) => {
  test('are no errors of the process, for which they would be when the client is only disconnected', async () => {
    const [ours, naive] = await Promise.all([endOf('lameduck', alias), endOf('naive', alias)])
    expect(ours).toMatchObject({ result: 'forced', exitCode: 71, errors: [] })
    expect(naive.errors.length).toBeGreaterThan(0)
    expect(new Set(naive.errors)).toEqual(new Set(['unhandledRejection: Connection is closed.']))
  })
})

async function endOf(how: 'lameduck' | 'naive', alias: string): Promise<{ readonly result: string; readonly exitCode: number; readonly errors: readonly string[] }> {
  const node = await startNode()
  const service = runProgram(new URL('fixtures/frozen-service.mjs', import.meta.url), [node.server.url, alias, how])
  await service.printed(/^ready$/)
  await node.server.freeze()
  service.terminate()
  const { lines } = await service.ended
  await node.stop()
  return JSON.parse(lines.at(-1)!) as Awaited<ReturnType<typeof endOf>>
}
