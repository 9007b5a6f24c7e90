import { createLifecycle, type Handle, type Lifecycle, type Report, type Resource } from '@lameduck/core'
import { Kafka, type Consumer, type ConsumerConfig, type ConsumerRunConfig, type KafkaConfig } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { drainableKafka, kafkaConsumer } from '../../src/index.ts'
import type { Broker } from './broker.ts'
import { committedBy, createTopic, kafkaConfig, write } from './topic.ts'

export const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const

/** A consumer in a lifecycle of its own, started. */
export interface Consuming {
  readonly consumer: Consumer
  readonly resource: Resource
  readonly handle: Handle
  readonly lifecycle: Lifecycle
  readonly groupId: string
  readonly topic: string
  readonly stop: () => Promise<Report>
  /** By partition. */
  readonly committed: () => Promise<number[]>
}

export interface ConsumingOptions {
  /** In the first `partitions` partitions of three, turn by turn. @default 10 in 1 */
  readonly messages?: number
  readonly partitions?: number
  readonly settings?: Partial<ConsumerConfig>
  readonly kafka?: Partial<KafkaConfig>
  /** Not made by drainableKafka. */
  readonly plain?: boolean
  readonly timeoutMs?: number
  readonly run: (consumer: Consumer, topic: string, lifecycle: Lifecycle) => ConsumerRunConfig
  /** Added before the start. */
  readonly also?: (lifecycle: Lifecycle, subject: Consuming) => void
}

export async function consuming(broker: Broker, { messages = 10, partitions = 1, settings, kafka, plain = false, timeoutMs = 20_000, run, also }: ConsumingOptions): Promise<Consuming> {
  const topic = await createTopic(broker.brokers, 0)
  await write(broker.brokers, topic, messages, partitions)
  const groupId = randomUUID()
  const config = { ...kafkaConfig(broker.brokers), ...kafka }
  const consumer = (plain ? new Kafka(config) : drainableKafka(Kafka, config)).consumer({ groupId, maxWaitTimeInMs: 100, ...settings })
  const lifecycle = createLifecycle({ policy: { graceMs: 40_000 } })
  const resource = kafkaConsumer(consumer, { topics: [topic], fromBeginning: true, timeoutMs, ...run(consumer, topic, lifecycle) })
  const subject: Consuming = {
    consumer,
    resource,
    handle: lifecycle.add(resource),
    lifecycle,
    groupId,
    topic,
    stop: () => lifecycle.stop(sigterm),
    committed: () => committedBy(broker.brokers, groupId, topic),
  }
  also?.(lifecycle, subject)
  await lifecycle.start()
  return subject
}

export function stepOf(report: Report, name: string = 'kafka-consumer') {
  return report.steps.find((step) => step.name === name)
}
