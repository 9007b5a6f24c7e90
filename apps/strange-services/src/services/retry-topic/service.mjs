// Two consumers in one process: what fails goes to a topic of its own, and is tried again when its time has come.
import { setTimeout as pause } from 'node:timers/promises'
import { drainableKafka, kafkaConsumer, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Redis } from 'ioredis'
import { Kafka } from 'kafkajs'

const { REDIS_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const kafka = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 })
const producer = kafka.producer({ idempotent: true })

async function handle(text) {
  await pause(30)
  await client.rpush(`${ID}:done`, text)
}

async function firstTry({ message: { value } }) {
  const text = String(value)
  console.log('first', text)
  if (Number(text.slice(1)) % 3 === 0) await producer.send({ topic: `${ID}-retry`, messages: [{ value: text, headers: { due: String(Date.now() + 150) } }] })
  else await handle(text)
}

async function secondTry({ message: { value, headers } }) {
  console.log('second', String(value))
  await pause(Math.max(0, Number(headers.due) - Date.now()))
  await handle(String(value))
}

const needs = [lifecycle.add(redis(client)), lifecycle.add(kafkaProducer(producer))]
lifecycle.add(kafkaConsumer(kafka.consumer({ groupId: ID }), { name: 'first', topics: [ID], fromBeginning: true, eachMessage: firstTry }), { needs })
lifecycle.add(kafkaConsumer(kafka.consumer({ groupId: `${ID}-retry` }), { name: 'second', topics: [`${ID}-retry`], fromBeginning: true, eachMessage: secondTry }), { needs })
await bindProcess(lifecycle).ready()
console.log('ready')
