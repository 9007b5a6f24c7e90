// The audit log of an API: a class with a buffer of its own, sent every 100 ms. The broker dies in the moment of the signal.
import { fastifyApp } from '@lameduck/adapter-fastify'
import { drainableKafka, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { fastify } from 'fastify'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS, ID, GRACE_MS } = process.env

class Audit {
  #entries = []
  #producer
  constructor(producer) {
    this.#producer = producer
  }
  add(value) {
    if (this.#entries.push({ value }) === 1) setTimeout(() => this.#send(), 100)
  }
  #send() {
    for (const message of this.#entries.splice(0)) this.#producer.send({ topic: ID, messages: [message] }).catch(() => console.log('not sent', message.value))
  }
}

const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const kafka = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0, connectionTimeout: 500, retry: { retries: 1, initialRetryTime: 50 } })
const producer = kafka.producer()
const audit = new Audit(producer)
const app = fastify()
app.get('/:id', async (request) => {
  audit.add(request.params.id)
  await new Promise((resolve) => setTimeout(resolve, 150))
  return 'ok'
})

const out = lifecycle.add(kafkaProducer(producer))
lifecycle.add(fastifyApp(app, { port: 0, host: '127.0.0.1' }), { needs: [out] })
await bindProcess(lifecycle).ready()
console.log(`ready ${app.server.address().port}`)
