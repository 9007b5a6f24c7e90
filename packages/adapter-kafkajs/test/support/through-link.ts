import { tcpLink, type TcpLink } from '@lameduck/conformance'
import { Kafka, type KafkaConfig } from 'kafkajs'
import { connect } from 'node:net'
import { drainableKafka } from '../../src/index.ts'
import type { Broker } from './broker.ts'
import { kafkaConfig } from './topic.ts'

/** Clients that reach the broker over a link of their own, which can be frozen and killed. */
export async function throughLink({ brokers }: Broker, settings: Partial<KafkaConfig> = {}): Promise<{ link: TcpLink; kafka: Kafka }> {
  const [host, port] = String(brokers[0]).split(':')
  const link = await tcpLink({ host: String(host), port: Number(port) })
  const kafka = drainableKafka(Kafka, {
    ...kafkaConfig(brokers),
    ...settings,
    socketFactory: ({ onConnect }) => connect({ host: link.host, port: link.port }, onConnect),
  })
  return { link, kafka }
}
