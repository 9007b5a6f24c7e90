import type { Admin, Consumer, ConsumerRunConfig, EachBatchPayload, EachMessagePayload, Kafka, Producer, Transaction } from 'kafkajs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { expect, expectTypeOf, test } from 'vitest'
import type { KafkaAdminClient, KafkaClass, KafkaConsumerClient, KafkaProducerClient, RunConfigOf } from '../src/index.ts'
import type { BatchPayload, MessagePayload } from '../src/lib/consumer-client.ts'
import type { KafkaTransaction } from '../src/lib/track-transactions.ts'

test('the tests run against the one version that the peer range allows', async () => {
  const { version } = createRequire(import.meta.url)('kafkajs/package.json') as { version: string }
  const own = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { peerDependencies: Record<string, string> }
  expect(version).toBe('2.2.4')
  expect(own.peerDependencies['kafkajs']).toBe(version)
})

test('types: the clients of kafkajs are what the resources take', () => {
  expectTypeOf<Consumer>().toExtend<KafkaConsumerClient>()
  expectTypeOf<Producer>().toExtend<KafkaProducerClient>()
  expectTypeOf<Transaction>().toExtend<KafkaTransaction>()
  expectTypeOf<Admin>().toExtend<KafkaAdminClient>()
  expectTypeOf<typeof Kafka>().toExtend<KafkaClass<ConstructorParameters<typeof Kafka>[0], Kafka>>()
  expectTypeOf<EachMessagePayload>().toExtend<MessagePayload>()
  expectTypeOf<EachBatchPayload>().toExtend<BatchPayload>()
  expectTypeOf<RunConfigOf<Consumer>>().toEqualTypeOf<ConsumerRunConfig>()
})
