import type { Failure, ProbeChange, ReplicaExit } from './rehearsal.ts'

/** Everything that can be watched while a rehearsal runs. `atMs` is ms after it began. */
export type RehearsalEvent =
  | { readonly type: 'service-listening'; readonly atMs: number; readonly url: string }
  | { readonly type: 'replica-started'; readonly atMs: number; readonly replica: string; readonly pid: number; readonly port: number; readonly probePort: number }
  | { readonly type: 'replica-ready'; readonly atMs: number; readonly replica: string; readonly tookMs: number }
  | { readonly type: 'probe-changed'; readonly atMs: number; readonly replica: string; readonly change: ProbeChange }
  | { readonly type: 'replica-terminating'; readonly atMs: number; readonly replica: string }
  | { readonly type: 'replica-signalled'; readonly atMs: number; readonly replica: string; readonly killAfterMs: number }
  | { readonly type: 'replica-killed'; readonly atMs: number; readonly replica: string }
  | { readonly type: 'replica-exited'; readonly atMs: number; readonly replica: string; readonly exit: ReplicaExit }
  | { readonly type: 'load-counted'; readonly atMs: number; readonly counts: LoadCounts }
  | { readonly type: 'request-lost'; readonly atMs: number; readonly failure: Failure }

/** Running totals of the load, every 250 ms. */
export interface LoadCounts {
  readonly sent: number
  readonly ok: number
  readonly lost: number
  readonly openStreams: number
}
