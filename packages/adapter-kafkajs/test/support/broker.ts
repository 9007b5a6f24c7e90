import { startServer, type Server } from '@lameduck/servers'
import { Kafka } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkaConfig } from './topic.ts'

export interface Broker extends Server {
  readonly brokers: readonly string[]
}

/** Where the broker of the run is. */
export const variable = 'LAMEDUCK_BROKER_OF_RUN'

/** The broker of the run: not to be frozen nor killed. Topics and groups are one's own. Where the run has none, one that `KAFKA_BROKERS` names. */
export async function sharedBroker(): Promise<Broker> {
  const url = process.env[variable]
  return ready(await startServer('kafka', url === undefined ? {} : { env: { KAFKA_BROKERS: url } }))
}

/** One that is too busy to be heard of for this long is taken for dead by itself, and loads its groups again; in ms. Kafka's own default. */
const session = 'broker.session.timeout.ms=9000'

/** A broker of one's own, that may be frozen and killed, with settings beside those of the servers module. */
export async function startBroker(...settings: string[]): Promise<Broker> {
  return ready(await startServer('kafka', { private: true, args: [session, ...settings].flatMap((setting) => ['--override', setting]) }))
}

async function ready(server: Awaited<ReturnType<typeof startServer>>): Promise<Broker> {
  if (!server.ok) throw new Error(server.message)
  const brokers = server.url.split(',')
  await makeCoordinators(brokers)
  return Object.assign(server, { brokers })
}

/**
 * The first question for a coordinator makes it, which takes a new broker a while. Until then it answers "not the coordinator", and clients sleep for
 * as long as their retries say, or give up.
 */
async function makeCoordinators(brokers: readonly string[]): Promise<void> {
  const kafka = new Kafka(kafkaConfig(brokers))
  const admin = kafka.admin()
  const producer = kafka.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true, retry: { initialRetryTime: 50, factor: 0, multiplier: 1, retries: 400 } })
  await Promise.all([admin.connect(), producer.connect()])
  while ((await stateOf(randomUUID())) !== 'Dead') await sleep(50)
  const transaction = await producer.transaction()
  await transaction.abort()
  await Promise.all([admin.disconnect(), producer.disconnect()])

  async function stateOf(groupId: string): Promise<string | undefined> {
    const described = await admin.describeGroups([groupId]).catch(() => undefined)
    return described?.groups[0]?.state
  }
}
