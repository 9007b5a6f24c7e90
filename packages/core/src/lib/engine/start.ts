import { runCheck } from './check.ts'
import type { Clock } from '../clock.ts'
import { LifecycleError } from '../errors.ts'
import type { Events } from '../events.ts'
import { phaseIndex, type Entry } from './graph.ts'
import { describeError } from '../describe-value.ts'
import type { Resource } from '../resource.ts'
import { describeSlowStart, slowStartMs } from './unended-start.ts'

/** Longest time for the one check that follows a start, in ms. */
const startCheckMs = 5_000

export interface Start {
  /** Resolves when everything that had begun has settled, however it went. */
  readonly done: Promise<void>
  /** `false`: not begun, or failed; a promise while it is under way. */
  started(entry: Entry): boolean | Promise<boolean>
  /** Those that have begun to start and have not ended. */
  readonly underWay: () => readonly Resource[]
}

/**
 * Starts every resource as soon as what it needs, and the phases that stop after its own, have started. The first
 * failure is told to `onFailure` at once, which must abort `signal`: a start that hangs beside it must not keep the
 * stop from beginning. From the abort on nothing new begins.
 */
export function startAll(
  entries: readonly Entry[],
  clock: Clock,
  events: Events,
  signal: AbortSignal,
  onFailure: (failure: LifecycleError) => void,
  warn: (message: string) => void,
): Start {
  const settled = new Map<Entry, boolean>()
  const begun = new Map<Entry, Promise<boolean>>()
  const starting = new Set<Resource>()

  return {
    done: run(),
    started: (entry) => settled.get(entry) ?? begun.get(entry) ?? false,
    underWay: () => [...starting],
  }

  async function run(): Promise<void> {
    const latestPhaseFirst = [...new Set(entries.map((entry) => phaseIndex(entry.resource.phase)))].sort((a, b) => b - a)
    for (const phase of latestPhaseFirst) {
      const members = entries.filter((entry) => phaseIndex(entry.resource.phase) === phase)
      await Promise.all(members.map((entry) => begin(entry)))
    }
  }

  /** One promise for each entry, so that an entry that several others need starts once. */
  function begin(entry: Entry): Promise<boolean> {
    const known = begun.get(entry)
    if (known) return known
    const ended = startOne(entry)
    begun.set(entry, ended)
    return ended
  }

  async function startOne(entry: Entry): Promise<boolean> {
    await Promise.all(entry.needs.map((need) => begin(need)))
    // A need that fails has aborted it.
    if (signal.aborted) {
      settled.set(entry, entry.resource.start === undefined)
      return entry.resource.start === undefined
    }
    const succeeded = await startAndCheck(entry)
    settled.set(entry, succeeded)
    return succeeded
  }

  async function startAndCheck({ resource }: Entry): Promise<boolean> {
    const begunAt = clock.now()
    events.emit({ type: 'resource-starting', name: resource.name })
    starting.add(resource)
    const cancelWarning = clock.setTimer(() => signal.aborted || warn(describeSlowStart(resource)), slowStartMs, true)
    try {
      await resource.start?.({ signal: signal })
    } catch (error) {
      // An adapter that knows what to do about it has said so, with its name.
      const message = error instanceof LifecycleError ? error.message : `${resource.name} could not start: ${describeError(error)}`
      fail('start-failed', message, resource.name, error)
      return false
    } finally {
      starting.delete(resource)
      cancelWarning()
    }
    if (resource.check && !signal.aborted) {
      const { ok, error } = await runCheck(resource, clock, startCheckMs, signal)
      if (!ok) {
        fail('check-failed', `${resource.name} started but is not usable: ${error}`, resource.name, undefined)
        return true
      }
    }
    events.emit({ type: 'resource-started', name: resource.name, tookMs: clock.now() - begunAt })
    return true
  }

  /** After an abort, a rejected start is what was asked for. */
  function fail(code: 'start-failed' | 'check-failed', message: string, resource: string, cause: unknown): void {
    if (signal.aborted) return
    onFailure(new LifecycleError(code, message, cause === undefined ? { resource } : { resource, cause }))
  }
}
