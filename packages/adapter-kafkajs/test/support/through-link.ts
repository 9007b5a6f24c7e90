import { tcpLink, type TcpLink } from '@lameduck/conformance'
import { Kafka, type ISocketFactory, type KafkaConfig } from 'kafkajs'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { drainableKafka } from '../../src/index.ts'
import type { Broker } from './broker.ts'
import { kafkaConfig } from './topic.ts'

/** A link of one's own to the broker, which can be frozen and killed, and what makes a `Kafka` use it. Whoever asks closes it. */
interface Linked {
  readonly link: TcpLink
  readonly socketFactory: ISocketFactory
  /** Ends the connections that are open, and no later ones; returns how many. */
  readonly drop: () => number
}

async function linkTo({ brokers }: Broker): Promise<Linked> {
  const [host, port] = String(brokers[0]).split(':')
  const link = await tcpLink({ host: String(host), port: Number(port) })
  const sockets = new Set<Socket>()
  return {
    link,
    socketFactory({ onConnect }) {
      const socket = connect({ host: link.host, port: link.port }, onConnect)
      sockets.add(socket)
      return socket.once('close', () => sockets.delete(socket))
    },
    drop() {
      const dropped = [...sockets]
      for (const socket of dropped) socket.destroy(new Error('dropped'))
      return dropped.length
    },
  }
}

/** Clients that reach the broker over a link of their own. */
export async function throughLink(broker: Broker, settings: Partial<KafkaConfig> = {}): Promise<Omit<Linked, 'socketFactory'> & { kafka: Kafka }> {
  const { link, socketFactory, drop } = await linkTo(broker)
  return { link, drop, kafka: drainableKafka(Kafka, { ...kafkaConfig(broker.brokers), ...settings, socketFactory }) }
}

/** One's own broker, as its clients see it: all of them reach the one that is there over a link of their own. */
export interface LinkedBroker {
  readonly brokers: readonly string[]
  /** Connects a client by it. */
  readonly connect: (onConnect: () => void) => Socket
  readonly freeze: () => void
  readonly thaw: () => void
  /** Resolves when nobody is connected, and nobody can connect any longer. */
  readonly kill: () => Promise<void>
  /** Clients can connect again. */
  readonly restart: () => Promise<void>
  readonly close: () => Promise<void>
}

export async function linkedBroker({ brokers }: Broker): Promise<LinkedBroker> {
  const [host, port] = String(brokers[0]).split(':')
  const open = (): Promise<TcpLink> => tcpLink({ host: String(host), port: Number(port) })
  let link = await open()
  return {
    brokers,
    connect: (onConnect) => connect({ host: link.host, port: link.port }, onConnect),
    freeze: () => link.freeze(),
    thaw: () => link.thaw(),
    kill: () => link.kill(),
    async restart() {
      link = await open()
    },
    close: () => link.close(),
  }
}

/** A link, until the end of the test. */
export async function linkForTest(broker: Broker): Promise<Linked> {
  const linked = await linkTo(broker)
  onTestFinished(() => linked.link.close())
  return linked
}
