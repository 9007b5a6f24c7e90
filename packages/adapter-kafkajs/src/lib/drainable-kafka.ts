import { attachControl, createClientControl, type ClientControl, type ClientSettings, type SocketFactory } from './client-control.ts'
import type { PrivateCluster } from './stopping-cluster.ts'

/** kafkajs' `Kafka`, as far as it is needed: three factories. */
export interface KafkaClients {
  consumer(config: never): object
  producer(config: never): object
  admin(config: never): object
}

/** The class `Kafka` of kafkajs. */
export type KafkaClass<Config, K extends KafkaClients> = new (config: Config) => K

interface CommonConfig {
  readonly retry?: RetryConfig
  readonly socketFactory?: SocketFactory
}

interface RetryConfig {
  readonly restartOnFailure?: (error: Error) => Promise<boolean>
}

interface ConsumerConfig extends Partial<NonNullable<ClientSettings['consumer']>> {
  readonly retry?: RetryConfig
}

/** An idle consumer cannot leave before its open fetch has returned. kafkajs' own default is 5000. */
const defaultMaxWaitMs = 1_000

/**
 * Makes a `Kafka` whose clients can be cut: write `drainableKafka(Kafka, { clientId, brokers })` for
 * `new Kafka({ clientId, brokers })`, and use what comes back as before.
 *
 * kafkajs has no way to end a consumer whose broker does not answer; the ways in have to be laid when a client is
 * made. Each client gets a `socketFactory` of its own (around yours, if you give one) whose sockets can be destroyed,
 * and consumers get a `retry.restartOnFailure` that lets no consumer come back after it was stopped, and a
 * `maxWaitTimeInMs` of 1000 unless they have one. You own the clients as before.
 */
export function drainableKafka<Config extends object, K extends KafkaClients>(Kafka: KafkaClass<Config, K>, config: NoInfer<Config>): K {
  const kafka = new Kafka(config)
  const common = config as CommonConfig

  /** kafkajs takes one socket factory for all clients of a `Kafka`; only a `Kafka` for each tells whose a socket is. */
  function make<C extends object>(settings: ClientSettings, build: (own: K, control: ClientControl) => C): C {
    const control = createClientControl(common.socketFactory, settings)
    const own = shareState(kafka, new Kafka({ ...config, socketFactory: control.socketFactory }))
    if (settings.consumer) watchCluster(own, control)
    const client = build(own, control)
    attachControl(client, control)
    return client
  }

  return Object.assign(kafka, {
    consumer(given: ConsumerConfig = {}) {
      const { maxWaitTimeInMs = defaultMaxWaitMs, sessionTimeout = 30_000, heartbeatInterval = 3_000, rebalanceTimeout = 60_000 } = given
      return make({ consumer: { maxWaitTimeInMs, sessionTimeout, heartbeatInterval, rebalanceTimeout } }, (own, control) =>
        own.consumer({ ...given, maxWaitTimeInMs, retry: restartingUnlessDown(given, common, control) } as never),
      )
    },
    producer: (given: { transactionTimeout?: number } = {}) =>
      make({ producer: { transactionTimeout: given.transactionTimeout ?? 60_000 } }, (own) => own.producer(given as never)),
    admin: (given: object = {}) => make({}, (own) => own.admin(given as never)),
  })
}

/** kafkajs 2.2 makes a client's cluster by a function behind a symbol; of a version that does not, stops are not mended. */
function watchCluster(kafka: object, control: ClientControl): void {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster')
  const create: unknown = key && Reflect.get(kafka, key)
  if (!key || typeof create !== 'function') return
  Object.defineProperty(kafka, key, {
    value(options: unknown) {
      const cluster = create.call(kafka, options) as PrivateCluster
      control.setCluster(cluster)
      return cluster
    },
  })
}

function restartingUnlessDown(given: ConsumerConfig, common: CommonConfig, control: ClientControl): RetryConfig {
  const theirs = given.retry?.restartOnFailure ?? common.retry?.restartOnFailure
  return {
    // kafkajs' own default for consumers, which stands only while `retry` is missing altogether.
    ...(given.retry ?? { retries: 5 }),
    restartOnFailure: async (error) => control.mayRestart() && (theirs === undefined || (await theirs(error))) && control.mayRestart(),
  }
}

/**
 * Clients of one `Kafka` share a logger, and the offsets that a producer's transaction has committed for a consumer.
 * kafkajs 2.2 keeps both behind symbols; a version that does not just shares nothing.
 */
function shareState<K extends object>(from: K, to: K): K {
  for (const key of Object.getOwnPropertySymbols(from)) {
    if (key.description === 'private:Kafka:offsets' || key.description === 'private:Kafka:logger') {
      Object.defineProperty(to, key, { value: Reflect.get(from, key) })
    }
  }
  return to
}
