import { readdir } from 'node:fs/promises'
import { startServers } from '@lameduck/servers'
import { expect, test, vi } from 'vitest'
import { startOwner } from './owner.ts'
import { isAlive, processesWith } from './processes.ts'
import { temporary } from './temporary.ts'

const local = ['PATH', 'installed'] as const
const limit = { timeout: 10_000, interval: 20 }

async function nothingLeft(folder: string): Promise<void> {
  await vi.waitFor(async () => {
    expect(await readdir(folder)).toEqual([])
    expect(processesWith(folder)).toEqual([])
  }, limit)
}

test('stop leaves no process', async () => {
  const servers = await startServers({ want: ['postgres', 'redis'], from: local })
  if (!servers.postgres.ok || !servers.redis.ok) throw new Error('no servers')
  const pids = [servers.postgres.pid, servers.redis.pid] as number[]
  expect(pids.map(isAlive)).toEqual([true, true])
  await servers.stop()
  expect(pids.map(isAlive)).toEqual([false, false])
  await servers.stop()
})

test('an owner that is killed takes its servers along', { timeout: 60_000 }, async () => {
  const folder = await temporary()
  const owner = startOwner({ want: ['postgres', 'redis', 'kafka'], from: local, afterwards: 'hold' }, folder)
  const { pids } = await owner.line((line) => line.pids !== undefined)
  expect(pids?.map((pid) => isAlive(pid as number))).toEqual([true, true, true])
  expect(await readdir(folder)).toHaveLength(3)
  owner.child.kill('SIGKILL')
  await nothingLeft(folder)
  expect(pids?.map((pid) => isAlive(pid as number))).toEqual([false, false, false])
})

test('an owner that comes to its end is not kept alive, and takes its servers along', async () => {
  const folder = await temporary()
  const owner = startOwner({ want: ['postgres', 'redis'], from: local, afterwards: 'end' }, folder)
  await owner.line((line) => line.pids?.every((pid) => pid !== null) === true)
  expect(await owner.exited).toEqual({ code: 0, signal: null })
  await nothingLeft(folder)
})

for (const [signal, step] of [
  ['SIGINT', 'PostgreSQL: making a database'],
  ['SIGTERM', 'Kafka: starting'],
] as const) {
  test(`${signal} in the middle of a start ("${step}")`, { timeout: 30_000 }, async () => {
    const folder = await temporary()
    const owner = startOwner({ want: step.startsWith('Kafka') ? ['kafka'] : ['postgres'], from: local, afterwards: 'hold' }, folder)
    await owner.line((line) => line.progress?.startsWith(step) === true)
    owner.child.kill(signal)
    expect(await owner.exited).toEqual({ code: null, signal })
    await nothingLeft(folder)
  })
}
