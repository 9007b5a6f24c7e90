import { readdir } from 'node:fs/promises'
import { startKafkaCluster, type KafkaCluster, type KafkaClusterOptions } from '@lameduck/servers'
import { Kafka, logLevel } from 'kafkajs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isAlive } from './processes.ts'
import { temporary } from './temporary.ts'

async function started(options: KafkaClusterOptions): Promise<KafkaCluster> {
  const cluster = await startKafkaCluster(options)
  if (!cluster.ok) throw new Error(cluster.message)
  onTestFinished(() => cluster.stop())
  return cluster
}

/** The ids of the brokers that the others of the cluster take for alive. */
async function alive({ nodes, security }: KafkaCluster, asked: number): Promise<number[]> {
  const brokers = [String(nodes[asked]?.url)]
  const admin = new Kafka({ brokers, ...security, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin()
  await admin.connect()
  const { brokers: found } = await admin.describeCluster()
  await admin.disconnect()
  return found.map(({ nodeId }) => nodeId).toSorted((one, other) => one - other)
}

test('three brokers want TLS and a password, know each other, and can be lost one by one, the controller too', { timeout: 120_000 }, async () => {
  const cluster = await started({ isSecure: true })
  expect(cluster.url.split(',')).toEqual(cluster.nodes.map(({ url }) => url))
  for (const asked of [0, 1, 2]) expect(await alive(cluster, asked)).toEqual([1, 2, 3])
  const intruder = new Kafka({ brokers: cluster.url.split(','), ...cluster.security, sasl: { mechanism: 'plain', username: 'lameduck', password: 'bark' }, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin()
  await expect(intruder.connect().then(() => intruder.listTopics())).rejects.toThrow('SASL PLAIN authentication failed')
  await intruder.disconnect()

  const controller = await cluster.controller()
  const index = cluster.nodes.indexOf(controller)
  const [asked = 0] = [0, 1, 2].filter((each) => each !== index)
  await controller.kill()
  await vi.waitFor(async () => expect(await alive(cluster, asked)).toEqual([1, 2, 3].filter((id) => id !== index + 1)), { timeout: 30_000, interval: 100 })
  expect(await cluster.controller()).not.toBe(controller)
  await controller.restart()
  await vi.waitFor(async () => expect(await alive(cluster, asked)).toEqual([1, 2, 3]), { timeout: 30_000, interval: 100 })

  const pids = cluster.nodes.map(({ pid }) => Number(pid))
  await cluster.nodes[asked]?.freeze()
  await cluster.stop()
  expect(pids.map(isAlive)).toEqual([false, false, false])
})

test('one that cannot be had is a message', async () => {
  const cacheFolder = await temporary()
  const message = await startKafkaCluster({ env: { PATH: '' }, cacheFolder })
  expect(message).toMatchObject({ ok: false, name: 'kafka' })
  expect(message).toHaveProperty('message', expect.stringMatching(/^No cluster of Kafka: .*there is no Java on PATH.* To have one, install Java and Maven .*; Docker does not help here\.$/))
  expect(await readdir(cacheFolder)).toEqual([])
})
