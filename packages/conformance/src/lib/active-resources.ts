import { eventually, pause } from './settle.ts'

export interface ResourceWatch {
  /** Waits until nothing more is active than at the beginning; resolves with what still is after `ms` (`TCPSocketWrap ×2`). */
  left(ms: number): Promise<readonly string[]>
}

/**
 * Remembers what keeps the process alive now, as `process.getActiveResourcesInfo()` shows it: sockets, timers, child
 * processes. The lowest of a few samples counts, since test runners open and close timers of their own.
 */
export async function startWatchingResources(): Promise<ResourceWatch> {
  const before = countActive()
  for (let sample = 0; sample < 3; sample += 1) {
    await pause(2)
    const now = countActive()
    for (const [type, count] of before) before.set(type, Math.min(count, now.get(type) ?? 0))
  }
  return {
    left: (ms) => eventually(() => difference(before, countActive()), (left) => left.length === 0, ms),
  }
}

function countActive(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts
}

function difference(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] {
  return [...now].filter(([type, count]) => count > (before.get(type) ?? 0)).map(([type, count]) => `${type} ×${count - (before.get(type) ?? 0)}`)
}
