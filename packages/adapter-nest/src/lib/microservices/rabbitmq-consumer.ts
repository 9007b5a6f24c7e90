import type { Handlers } from '../track-handlers.ts'
import type { Intake } from './consumer.ts'
import type { TransportServer } from './transport-server.ts'

/** A channel of amqplib. */
interface RawChannel {
  readonly consumers: ReadonlyMap<string, unknown>
  cancel(consumerTag: string): Promise<unknown>
}

/** That of amqp-connection-manager, which makes a new raw channel for every new connection. */
interface Channel {
  addSetup(setup: (channel: RawChannel) => Promise<unknown>): Promise<unknown>
  sendToQueue: (...parameters: unknown[]) => Promise<unknown>
}

interface RabbitTransport extends TransportServer {
  readonly channel?: Channel | null
  setupChannel?(channel: RawChannel, callback: () => void): Promise<void>
}

/**
 * The consumer is cancelled; what the broker had delivered before it confirmed that is handled. What is not acknowledged when the channel
 * closes comes again.
 */
export function rabbitConsumer(transport: RabbitTransport, handlers: Handlers): Intake & { onListening(): void } {
  let followed: Channel | undefined

  return {
    onListening: followReplies,
    stop() {
      followReplies()
      // A new connection consumes no more; it may still be needed for replies and acknowledgements.
      transport.setupChannel = async () => {}
      return transport.channel?.addSetup((channel) => Promise.all([...channel.consumers.keys()].map((tag) => channel.cancel(tag))))
    },
  }

  /** Nest does not wait until the broker has confirmed a reply. */
  function followReplies(): void {
    const { channel } = transport
    if (!channel || channel === followed) return
    followed = channel
    const { sendToQueue } = channel
    channel.sendToQueue = (...parameters) => {
      const sent = handlers.reply(() => sendToQueue.apply(channel, parameters))
      sent.catch(() => {})
      return sent
    }
  }
}
