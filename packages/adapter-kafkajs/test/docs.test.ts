import { Kafka } from 'kafkajs'
import { beforeAll, expect, test } from 'vitest'
import { startBroker, type Broker } from './support/broker.ts'
import { readSnippets, startSnippet } from './support/snippet.ts'
import { committedBy, createTopic, kafkaConfig, write } from './support/topic.ts'

// The snippets of docs/kafkajs.md, ended by SIGTERM in the middle of what each of them is about.

let broker: Broker
let snippets: readonly string[]
beforeAll(async () => {
  broker = await startBroker()
  snippets = await readSnippets('../../docs/kafkajs.md')
  return () => broker.stop()
})

test('each of them is run here', () => expect(snippets).toHaveLength(4))

test('messages that are collected: all are saved and committed', { timeout: 60_000 }, async () => {
  await createTopic(broker.brokers, 0, 'orders')
  await write(broker.brokers, 'orders', 25, 1)
  const { child, lines, ended } = await startSnippet(broker, String(snippets[0]))
  const committed = async (): Promise<number> => (await committedBy(broker.brokers, 'archive', 'orders'))[0] ?? 0
  // The rest of the batch is in the buffer as soon as the second ten are committed.
  await expect.poll(committed, { timeout: 20_000 }).toBe(20)
  child.kill('SIGTERM')
  expect(await ended).toMatchObject({ code: 0, report: { result: 'clean' } })
  expect(lines.filter((line) => line.startsWith('saved'))).toEqual(['saved 10', 'saved 10', 'saved 5'])
  expect(await committed()).toBe(25)
})

test('a job that outlasts its handler: it ends, and its message is committed', { timeout: 60_000 }, async () => {
  await createTopic(broker.brokers, 0, 'videos')
  await write(broker.brokers, 'videos', 3, 1)
  const { child, lines, says, ended } = await startSnippet(broker, String(snippets[1]))
  await says('begun 1')
  child.kill('SIGTERM')
  expect(await ended).toMatchObject({ code: 0, report: { result: 'clean' } })
  expect(lines).toContain('encoded 1')
  expect(lines).not.toContain('begun 2')
  expect(await committedBy(broker.brokers, 'videos', 'videos')).toEqual([2, 0, 0])
})

test('a batch that is written as a whole: it is committed, and comes once', { timeout: 60_000 }, async () => {
  await createTopic(broker.brokers, 0, 'payments')
  await write(broker.brokers, 'payments', 7, 1)
  const { child, says, ended } = await startSnippet(broker, String(snippets[2]))
  await says('writing')
  child.kill('SIGTERM')
  expect(await ended).toMatchObject({ code: 0, report: { result: 'clean' } })
  expect(await committedBy(broker.brokers, 'ledger', 'payments')).toEqual([7, 0, 0])
})

test('a reply that comes in the stop reaches the request that waits for it', { timeout: 60_000 }, async () => {
  await createTopic(broker.brokers, 0, 'questions')
  await createTopic(broker.brokers, 0, 'replies')
  const { child, lines, says, ended } = await startSnippet(broker, String(snippets[3]))
  await says('asked')
  child.kill('SIGTERM')
  const producer = new Kafka(kafkaConfig(broker.brokers)).producer()
  await producer.connect()
  await producer.send({ topic: 'replies', messages: [{ key: '1', value: 'shipped' }] })
  await producer.disconnect()
  expect(await ended).toMatchObject({ code: 0, report: { result: 'clean', steps: [{ name: 'requests', work: { done: 1 } }, { name: 'kafka-producer' }, { name: 'kafka-consumer', outcome: 'idle' }] } })
  expect(lines).toContain('answered shipped')
})
