import { channel, type Channel } from 'node:diagnostics_channel'
import type { LifecycleEvent } from './events.ts'

/**
 * Name of the `node:diagnostics_channel` that mirrors every event of every lifecycle, as `{ lifecycle, event }`. What a subscriber
 * of the channel throws, Node makes an uncaught exception, as on every channel. A process that is bound prints it, and it begins no stop.
 */
export const channelName = 'lameduck.lifecycle'

/** On the channel, which all copies of core share: the ticks in which Node throws what subscribers have thrown. */
const throwingKey: unique symbol = Symbol.for('lameduck.throwing')
type Throwing = Channel & { [throwingKey]?: number }

export function createMirror(): (lifecycle: () => object, event: LifecycleEvent) => void {
  const diagnostics: Throwing = channel(channelName)
  const count = (by: 1 | -1): void => void (diagnostics[throwingKey] = (diagnostics[throwingKey] ?? 0) + by)
  return (lifecycle, event) => {
    if (!diagnostics.hasSubscribers) return
    // Node throws each of their errors in a tick of its own: those between these two.
    process.nextTick(count, 1)
    diagnostics.publish({ lifecycle: lifecycle(), event })
    process.nextTick(count, -1)
  }
}

/** Whether the uncaught error that Node tells now comes from a subscriber of the channel: to tell of it by another event would cause it again. */
export function isOfSubscriber(): boolean {
  return ((channel(channelName) as Throwing)[throwingKey] ?? 0) > 0
}
