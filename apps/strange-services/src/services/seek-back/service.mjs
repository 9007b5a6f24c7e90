// A partner's API is down for one message. The handler goes back to it by a seek, and returns as if nothing were wrong.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'

class Partner {
  constructor(url) {
    this.url = url
  }
  async tell(text) {
    const answer = await fetch(this.url, { method: 'POST', body: text })
    if (!answer.ok) throw Object.assign(new Error(`the partner says ${answer.status}`), { again: true })
  }
}

const { KAFKA_BROKERS, ID, GRACE_MS, PARTNER } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID })
const partner = new Partner(PARTNER)

async function eachMessage({ topic, partition, message }) {
  try {
    await partner.tell(String(message.value))
  } catch (error) {
    if (!error.again) throw error
    console.log('goes back to', String(message.value))
    consumer.seek({ topic, partition, offset: message.offset })
  }
}

lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, eachMessage }))
await bindProcess(lifecycle).ready()
console.log('ready')
