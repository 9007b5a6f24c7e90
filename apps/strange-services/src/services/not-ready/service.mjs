// The same in a service that also serves: it leaves its balancer, and lives on until somebody looks at it.
import { createServer } from 'node:http'
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { probeServer } from '@lameduck/probes'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const kafka = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 })
const consumer = kafka.consumer({ groupId: ID, retry: { initialRetryTime: 20, retries: 1, restartOnFailure: async () => false } })
const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1' })

lifecycle.subscribe((event) => {
  if (event.type === 'resource-ended') console.log('ended', event.name)
})
lifecycle.add(probes)
lifecycle.add(httpServer(createServer((request, response) => response.end('ok\n')), { listen: { port: 0, host: '127.0.0.1' } }))
lifecycle.add(
  kafkaConsumer(consumer, {
    topics: [ID],
    fromBeginning: true,
    async eachBatch({ batch, resolveOffset }) {
      for (const { value, offset } of batch.messages) {
        if (String(value) === 'm2') throw new Error('poison')
        console.log('handled', String(value))
        resolveOffset(offset)
      }
    },
  }),
  { whenEnded: 'not-ready' },
)
await bindProcess(lifecycle).ready()
console.log(`ready ${probes.address().port}`)
