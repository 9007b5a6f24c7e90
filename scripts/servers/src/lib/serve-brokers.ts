import type { BrokerName } from './server.ts'
import { startBroker } from './start-broker.ts'

const variables: Record<BrokerName, string> = { nats: 'NATS_URL', mosquitto: 'MQTT_URL', rabbitmq: 'AMQP_URL' }

/**
 * A `setup` function for Vitest's `globalSetup`, beside `serveTests`: brokers of one's own, whose URLs the tests find in `NATS_URL`, `MQTT_URL`
 * and `AMQP_URL`.
 *
 * @throws if a broker cannot be had: tests are never skipped
 */
export function serveBrokers(...want: readonly BrokerName[]): () => Promise<() => Promise<void>> {
  return async () => {
    const brokers = await Promise.all(want.map(async (name) => startBroker(name, { onExit: (message) => process.stderr.write(`${message}\n`) })))
    const stop = async (): Promise<void> => void (await Promise.all(brokers.map(async (broker) => broker.ok && broker.stop())))
    const missing = brokers.flatMap((broker) => (broker.ok ? [] : [broker.message]))
    if (missing.length > 0) {
      await stop()
      throw new Error(missing.join('\n'))
    }
    for (const [index, name] of want.entries()) {
      const broker = brokers[index]
      if (broker?.ok) process.env[variables[name]] = broker.url
    }
    return stop
  }
}
