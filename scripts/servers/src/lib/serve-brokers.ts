import type { BrokerName } from './server.ts'
import { startBroker } from './start-broker.ts'

const variables: Record<BrokerName, string> = { nats: 'NATS_URL', mosquitto: 'MQTT_URL', rabbitmq: 'AMQP_URL' }

/**
 * A `setup` function for Vitest's `globalSetup`, beside `serveTests`: the tests find the brokers' URLs in `NATS_URL`, `MQTT_URL` and `AMQP_URL`.
 * A URL that is there already is used.
 *
 * @throws if a broker cannot be had: tests are never skipped
 */
export function serveBrokers(...want: readonly BrokerName[]): () => Promise<() => Promise<void>> {
  return async () => {
    const absent = want.filter((name) => !process.env[variables[name]])
    const brokers = await Promise.all(absent.map(async (name) => startBroker(name, { onExit: (message) => process.stderr.write(`${message}\n`) })))
    const stop = async (): Promise<void> => void (await Promise.all(brokers.map(async (broker) => broker.ok && broker.stop())))
    const missing = brokers.flatMap((broker) => (broker.ok ? [] : [broker.message]))
    if (missing.length > 0) {
      await stop()
      throw new Error(missing.join('\n'))
    }
    for (const [index, name] of absent.entries()) {
      const broker = brokers[index]
      if (broker?.ok) process.env[variables[name]] = broker.url
    }
    return stop
  }
}
