import type { Intake } from './consumer.ts'
import type { TransportServer } from './transport-server.ts'

/** A client of mqtt.js. */
interface MqttClient {
  readonly options: { clean?: boolean; customHandleAcks?: (topic: unknown, message: unknown, packet: unknown, done: (error: null, code: number) => void) => void }
  _sendPacket?: (packet: { readonly cmd?: unknown }, done?: () => void, ...more: unknown[]) => unknown
  unsubscribe(topics: string[], done: (error?: unknown) => void): unknown
  end(force: boolean, options: object, done: (error?: unknown) => void): unknown
}

interface MqttTransport extends TransportServer {
  readonly mqttClient?: MqttClient
}

/** Any code but 0 keeps mqtt.js from handing a message on. It goes nowhere, for the acknowledgement that carries it is not sent. */
const notTaken = 0x83

/**
 * A client whose session ends with its connection unsubscribes. One whose session the broker keeps (`clean: false`) must not, or the broker
 * would keep no message for the next process: it takes nothing more and acknowledges nothing more, so what comes now comes again then.
 */
export function mqttConsumer(transport: MqttTransport): Intake {
  return {
    stop() {
      const { mqttClient: client } = transport
      if (!client) return undefined
      if (client.options.clean === false) return takeNothing(client)
      const topics = [...(transport.messageHandlers?.keys() ?? [])].map(String)
      return topics.length === 0 ? undefined : new Promise((resolve) => client.unsubscribe(topics, resolve))
    },
    // Nest ends the client without waiting for it.
    flush: () => new Promise<void>((resolve, reject) => transport.mqttClient?.end(false, {}, (error) => (error ? reject(error as Error) : resolve()))),
  }
}

function takeNothing(client: MqttClient): undefined {
  const { _sendPacket: sendPacket } = client
  client.options.customHandleAcks = (_topic, _message, _packet, done) => done(null, notTaken)
  client._sendPacket = (packet, done, ...more) => {
    if (packet.cmd === 'puback' || packet.cmd === 'pubrec') return done?.()
    return sendPacket?.call(client, packet, done, ...more)
  }
  return undefined
}
