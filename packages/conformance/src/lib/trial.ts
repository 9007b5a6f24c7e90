import type { DrainContext, Resource } from '@lameduck/core'
import { fail } from 'node:assert/strict'
import { startWatchingResources, type ResourceWatch } from './active-resources.ts'
import type { Harness, Subject, Work } from './harness.ts'
import { settle, type Settlement } from './settle.ts'

/** Times, in ms, that the checks allow and wait for. */
export interface Bounds {
  /** Longest time for whatever must settle "soon". */
  readonly settleMs: number
  /** Allowed on top of the resource's own bound of `force`, for a busy machine. */
  readonly slackMs: number
  /** How long something that must not happen is watched for. */
  readonly watchMs: number
}

/** A drain that has begun. */
export interface Draining {
  /** Aborts the context's signal, as the engine does at the deadline. */
  abort(): void
  /** How it ended within `ms` from now. */
  settled(ms: number): Promise<Settlement>
}

/** One subject with its harness bound to it: what a check works with. */
export interface Trial {
  readonly resource: Resource
  readonly bounds: Bounds
  /** What of the process was active before the subject was opened. */
  readonly watch: ResourceWatch
  /** `start`, then `open`. */
  ready(): Promise<void>
  open(): Promise<void>
  /** In flight if the harness can make it so. */
  busyIfAble(): Promise<Work | undefined>
  busy(): Promise<Work>
  /** Lets `work` end; resolves with how it did. */
  finish(work: Work | undefined): Promise<'finished' | 'failed' | 'still pending'>
  offer(): Promise<boolean>
  freeze(): Promise<void>
  thaw(): Promise<void>
  kill(): Promise<void>
  /** How many connections the peer holds. */
  connections(): Promise<number>
  quiesce(): void
  drain(): Draining
  /** Runs `force` as the engine does: for no longer than its bound, whatever comes of it. */
  force(): Promise<Settlement>
}

const reason = { kind: 'programmatic', detail: 'the conformance suite' } as const
const farMs = 60_000

/** Binds `harness` to a new subject. */
export async function createTrial<S extends Subject>(harness: Harness<S>, bounds: Bounds): Promise<{ trial: Trial; dispose: () => Promise<void> }> {
  const subject = await harness.create()
  const { resource } = subject
  const watch = await startWatchingResources()
  const trial: Trial = {
    resource,
    bounds,
    watch,
    async ready() {
      await resource.start?.({ signal: new AbortController().signal })
      await trial.open()
    },
    open: async () => harness.open?.(subject),
    busyIfAble: async () => harness.busy?.(subject),
    busy: async () => (await harness.busy?.(subject)) ?? missing('busy'),
    async finish(work) {
      await work?.finish()
      const ended = await settle(() => work?.outcome, bounds.settleMs)
      return ended.kind === 'fulfilled' ? (ended.value === 'finished' ? 'finished' : 'failed') : 'still pending'
    },
    offer: async () => (await harness.offer?.(subject)) ?? missing('offer'),
    freeze: async () => harness.freeze?.(subject),
    thaw: async () => harness.thaw?.(subject),
    kill: async () => harness.kill?.(subject),
    connections: async () => (await harness.connections?.(subject)) ?? missing('connections'),
    quiesce: () => resource.quiesce?.({ reason, deadline: performance.now() + farMs }),
    drain() {
      const abort = new AbortController()
      const drained = (async () => resource.drain(createDrainContext(abort.signal)))()
      drained.catch(() => {})
      return { abort: () => abort.abort(new Error('the deadline has passed')), settled: (ms) => settle(() => drained, ms) }
    },
    force() {
      const boundMs = resource.forceMs ?? 100
      return settle(() => resource.force?.({ reason, boundMs }), boundMs + bounds.slackMs)
    },
  }
  return { trial, dispose: async () => harness.dispose(subject) }
}

function createDrainContext(signal: AbortSignal): DrainContext {
  const deadline = performance.now() + farMs
  return { reason, deadline, signal, remaining: () => Math.max(0, deadline - performance.now()) }
}

function missing(name: string): never {
  fail(`the harness has ${name}, but it resolved with nothing`)
}
