// Metrics of devices: nobody waits for the broker (acks 0), and every device gets a 204.
import { createServer } from 'node:http'
import { drainableKafka, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const producer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).producer()
const filling = 'x'.repeat(100_000)

const server = createServer((request, response) => {
  console.log('began')
  producer.send({ topic: ID, acks: 0, messages: [{ value: `${request.url.slice(1)} ${filling}` }] }).then(
    () => response.writeHead(204).end(),
    (error) => response.writeHead(503).end(error.message),
  )
})

const out = lifecycle.add(kafkaProducer(producer))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }), { needs: [out] })
await bindProcess(lifecycle).ready()
await producer.send({ topic: ID, messages: [{ value: 'warm' }] })
console.log(`ready ${server.address().port}`)
