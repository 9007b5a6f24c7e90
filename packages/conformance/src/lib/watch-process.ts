import { createHook } from 'node:async_hooks'
import { fileURLToPath } from 'node:url'
import { eventually } from './settle.ts'

/** What became active in the process since the watch began. */
export interface ProcessWatch {
  /** Waits until nothing more is active than at the beginning; resolves with what still is after `ms` (`TCPSocketWrap ×2`). */
  left(ms: number): Promise<readonly string[]>
  /** Ends the watch. */
  end(): void
}

/**
 * Remembers what is active in the process now: what keeps it alive, as `process.getActiveResourcesInfo()` shows it (sockets,
 * timers, child processes), and the listeners of `process`. Timers are followed by `async_hooks` from then on, so that an
 * unreferenced one is found as well, and where each was made is told.
 *
 * What appears for a moment only is no leftover: test runners open and close timers of their own.
 */
export async function watchProcess(): Promise<ProcessWatch> {
  const timers = followTimers()
  const before = countActive()
  for (let sample = 0; sample < 2; sample += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    const now = countActive()
    for (const [type, count] of before) before.set(type, Math.min(count, now.get(type) ?? 0))
  }
  return {
    left: (ms) => eventually(() => [...difference(before, countActive(), timers), ...timers.unreferenced()], (left) => left.length === 0, ms),
    end: () => timers.end(),
  }
}

function countActive(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
  for (const event of process.eventNames()) counts.set(`listener of process for '${String(event)}'`, process.listenerCount(event))
  return counts
}

function difference(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>, timers: Timers): string[] {
  return [...now].flatMap(([type, count]) => {
    const more = count - (before.get(type) ?? 0)
    if (more <= 0) return []
    return [`${type} ×${more}${type === 'Timeout' ? timers.referenced() : ''}`]
  })
}

interface Timers {
  /** Where the timers were made that keep the process alive, as text to be added; empty when that is not known. */
  referenced(): string
  /** A text for each timer that still runs and does not keep the process alive; without those that Node sets for itself. */
  unreferenced(): string[]
  end(): void
}

interface Running {
  readonly timer: NodeJS.Timeout
  /** From the caller of the timer function on. */
  readonly stack: readonly string[]
}

function followTimers(): Timers {
  const running = new Map<number, Running>()
  const hook = createHook({
    init(id, type, _trigger, timer) {
      if (type === 'Timeout') running.set(id, { timer: timer as NodeJS.Timeout, stack: callersOfTimer() })
    },
    destroy: (id) => running.delete(id),
  })
  hook.enable()
  const places = (isReferenced: boolean): string[] =>
    [...running.values()].flatMap(({ timer, stack }) => (timer.hasRef() === isReferenced && (isReferenced || !isOfNode(stack[0])) ? placeIn(stack) : []))
  return {
    referenced: () => places(true).map((place) => `, made ${place}`).join(''),
    unreferenced: () => places(false).map((place) => `unreferenced Timeout, made ${place}`),
    end: () => hook.disable(),
  }
}

const ownFile = fileURLToPath(import.meta.url)
/** This package's own timers are no leftovers. */
const ownFolder = fileURLToPath(new URL('.', import.meta.url))

function callersOfTimer(): readonly string[] {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 30
  const { stack = '' } = new Error('made')
  Error.stackTraceLimit = limit
  const lines = stack.split('\n').slice(1).map((line) => line.trim().replace('file://', ''))
  return lines.filter((line) => !line.includes(ownFile) && !/node:(internal\/)?(async_hooks|timers)|<anonymous>/.test(line))
}

function isOfNode(line: string | undefined): boolean {
  return line === undefined || line.includes('node:')
}

function placeIn(stack: readonly string[]): string[] {
  const place = stack.find((line) => !isOfNode(line)) ?? 'by Node itself'
  return place.includes(ownFolder) ? [] : [place]
}
