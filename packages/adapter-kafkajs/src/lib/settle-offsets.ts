import type { ConsumerCalls } from './consumer-calls.ts'
import type { HandlerContext } from './hands.ts'
import type { Rewind } from './rewinds.ts'

/**
 * Before the group is left: commits what is done and not committed yet, and then where partitions are to go on instead, since the fetch that
 * would do that never comes. Leaves out what a handler is at. Never rejects; what the broker does not confirm is told by `uncommitted` and the tally.
 */
export async function settleOffsets(calls: ConsumerCalls, { hands, autoCommit, uncommitted, rewinds, tally }: HandlerContext): Promise<void> {
  if (!autoCommit) return
  await hands.commit()
  const list = rewinds.list().filter(({ topic, partition }) => !hands.isAt(topic, partition))
  if (list.length === 0) return
  try {
    await rewind(list)
    for (const { topic, partition } of list) uncommitted.rewound(topic, partition)
    for (const { topic, partition, offset, why } of list) {
      tally.note(`${topic}[${partition}] goes on from offset ${offset}: ${why === 'seek' ? 'a seek asked for that' : 'its handler had paused it, and nobody resumed it'}`)
    }
  } catch (error) {
    for (const each of list) tally.failed(describeRewind(each), error)
  } finally {
    list.forEach(rewinds.settled)
  }

  async function rewind(to: readonly Rewind[]): Promise<void> {
    const group = hands.runner()?.consumerGroup
    if (group) {
      for (const { topic, partition, offset } of to) calls.seek({ topic, partition, offset })
      return group.seekOffsets(to.map(({ topic, partition }) => ({ topic, partitions: [partition] })))
    }
    // No batch has come since the join, so kafkajs holds nothing back that it could commit over this.
    const positions = to.filter(({ offset }) => BigInt(offset) >= 0n)
    if (positions.length > 0) await calls.commitOffsets(positions.map(({ topic, partition, offset }) => ({ topic, partition, offset })))
  }
}

export function describeRewind({ topic, partition, offset }: Rewind): string {
  return `${topic}[${partition}] to go on from offset ${offset}`
}
