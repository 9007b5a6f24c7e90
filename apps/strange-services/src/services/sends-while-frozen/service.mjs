// Orders are answered 202 and announced afterwards, by a producer whose broker stands still.
import { createServer } from 'node:http'
import { drainableKafka, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const kafka = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0, retry: { retries: 2, initialRetryTime: 50 } })
const producer = kafka.producer()
const server = createServer((request, response) => {
  const order = request.url.slice(1)
  void producer.send({ topic: ID, messages: [{ value: order }] }).catch((error) => console.log(`gave up ${order}`, error.message))
  response.writeHead(202).end()
})

lifecycle.add(kafkaProducer(producer))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
await producer.send({ topic: ID, messages: [{ value: 'first' }] })
console.log(`ready ${server.address().port}`)
