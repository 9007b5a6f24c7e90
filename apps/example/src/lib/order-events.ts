import type { Producer } from 'kafkajs'
import type { Order } from './order.ts'

/** Tells the other services that an order was placed. Resolves only when the event is safe. */
export type PublishOrder = (order: Order) => Promise<void>

/** To Kafka, acknowledged by all in-sync replicas, keyed by the order so that its events stay in order. The producer belongs to the caller. */
export function kafkaPublisher(producer: Producer, topic: string): PublishOrder {
  return async (order) => {
    await producer.send({ topic, acks: -1, messages: [{ key: order.id, value: JSON.stringify(order) }] })
  }
}

export const publishNothing: PublishOrder = async () => {}
