import type { Part, ServerOptions } from '../part.ts'
import { trackHandlers, type Handlers } from '../track-handlers.ts'
import { consumer, type Intake } from './consumer.ts'
import { customStrategy } from './custom-strategy.ts'
import { grpcServer } from './grpc-server.ts'
import { kafkaConsumer } from './kafka-consumer.ts'
import { mqttConsumer } from './mqtt-consumer.ts'
import { natsConsumer } from './nats-consumer.ts'
import { rabbitConsumer } from './rabbitmq-consumer.ts'
import { redisConsumer } from './redis-consumer.ts'
import { tcpServer } from './tcp-server.ts'
import { trackMessages } from './track-messages.ts'
import { transportOf, type TransportServer } from './transport-server.ts'

/** How one transport takes part; what it does not say itself is said of its handlers. */
interface Transport extends Part {
  /** Called whenever it may have begun to listen. */
  onListening?(): void
}

export interface MicroserviceInput {
  /** Of the resource, for the errors. */
  readonly name: string
  /** For a transport that is an HTTP server. */
  readonly options: ServerOptions
  readonly server: TransportServer
}

/** One microservice of a hybrid application: its messages are counted from now on, and it stops as its transport is to stop. */
export function microservice(input: MicroserviceInput): Part {
  const { server } = input
  const handlers = trackHandlers(input.name)
  const transport = transportPart(input, handlers)
  let tellEnded: ((why: unknown) => void) | undefined
  followListening(server, () => {
    transport.onListening?.()
    transport.watch?.((why) => tellEnded?.(why))
  })

  return {
    inFlight: handlers.count,
    waitingFor: handlers.waitingFor,
    tally: handlers.tally.read,
    ...transport,
    watch: (ended) => void (tellEnded = ended),
    quiesce(context) {
      handlers.begin()
      transport.quiesce?.(context)
    },
    force(context) {
      handlers.cut()
      return transport.force?.(context)
    },
  }
}

/** Calls back when the transport has begun to listen, and now, since it may have done so before. */
function followListening(server: TransportServer, callback: () => void): void {
  const { listen } = server
  server.listen = (onListening) =>
    listen.call(server, (...result) => {
      if (!(result[0] instanceof Error)) callback()
      onListening(...result)
    })
  callback()
}

function transportPart({ name, options, server }: MicroserviceInput, handlers: Handlers): Transport {
  switch (transportOf(server)) {
    case 'TCP': {
      const tcp = tcpServer(server, handlers)
      return { ...tcp, onListening: trackMessages(server, handlers, tcp.onBegin) }
    }
    // It has no messages, but calls.
    case 'gRPC':
      return grpcServer({ name, options, transport: server, handlers })
    case 'Redis':
      return ofBroker(server, handlers, redisConsumer(server))
    case 'NATS':
      return ofBroker(server, handlers, natsConsumer(server))
    case 'MQTT':
      return ofBroker(server, handlers, mqttConsumer(server))
    case 'RabbitMQ':
      return ofBroker(server, handlers, rabbitConsumer(server, handlers))
    case 'Kafka':
      return ofBroker(server, handlers, kafkaConsumer(server, handlers))
    case undefined:
      return { ...customStrategy(server, handlers), onListening: trackMessages(server, handlers) }
  }
}

function ofBroker(server: TransportServer, handlers: Handlers, intake: Intake & { onListening?(): void }): Transport {
  const takeInHandlers = trackMessages(server, handlers)
  return {
    ...consumer(intake, handlers),
    onListening() {
      takeInHandlers()
      intake.onListening?.()
    },
  }
}
