import { setTimeout as sleep } from 'node:timers/promises'

/**
 * How one message is worked on: for a few ms, and then told to whoever started this process. What is written to a pipe is there even if
 * the process ends in the next moment, so this line is the message's effect.
 */
async function handle(partition, message) {
  await sleep(2 + Math.random() * 6)
  process.stdout.write(`handled ${partition} ${message.offset}\n`)
}

const next = (offset) => String(BigInt(offset) + 1n)

/** Leaves the batch when the consumer is stopping, as kafkajs' documentation says. */
async function handleBatch({ batch, isRunning, isStale, resolveOffset, heartbeat }, commit) {
  for (const message of batch.messages) {
    if (!isRunning() || isStale()) break
    await handle(batch.partition, message)
    await commit(message)
    resolveOffset(message.offset)
    await heartbeat()
  }
}

const commitWith = (consumer, topic, partition) => ({ offset }) => consumer.commitOffsets([{ topic, partition, offset: next(offset) }])

/** The ways to run a consumer, as `run` takes them. */
export const modes = {
  'eachMessage, automatic commits': () => ({
    eachMessage: ({ partition, message }) => handle(partition, message),
  }),
  'eachMessage, automatic commits, three partitions at once': () => ({
    partitionsConsumedConcurrently: 3,
    eachMessage: ({ partition, message }) => handle(partition, message),
  }),
  'eachMessage, manual commits, three partitions at once': (consumer) => ({
    autoCommit: false,
    partitionsConsumedConcurrently: 3,
    async eachMessage({ topic, partition, message }) {
      await handle(partition, message)
      await commitWith(consumer, topic, partition)(message)
    },
  }),
  'eachBatch, automatic commits, two partitions at once': () => ({
    partitionsConsumedConcurrently: 2,
    eachBatch: (payload) => handleBatch(payload, () => {}),
  }),
  'eachBatch, manual commits': (consumer) => ({
    autoCommit: false,
    eachBatch: (payload) => handleBatch(payload, commitWith(consumer, payload.batch.topic, payload.batch.partition)),
  }),
}
