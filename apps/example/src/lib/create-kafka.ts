import { Kafka, logLevel } from 'kafkajs'

/** A client for short visits (the set-up, the verdict): gives up after seconds, and tells its caller instead of the log. */
export function createKafka(brokers: readonly string[], clientId: string): Kafka {
  return new Kafka({ clientId, brokers: [...brokers], logLevel: logLevel.NOTHING, connectionTimeout: 3_000, retry: { retries: 3 } })
}
