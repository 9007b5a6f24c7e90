import type { LoadCounts } from './rehearsal-event.ts'
import type { Failure, LoadResult } from './rehearsal.ts'
import type { ResolvedLoad } from './resolve-options.ts'

/** What the load process is told. */
export type LoadCommand =
  | { readonly type: 'start'; readonly host: string; readonly port: number; readonly seed: number; readonly load: ResolvedLoad }
  /** Begin nothing new, finish what is in flight, then send `done`. */
  | { readonly type: 'stop' }

/** What the load process tells. */
export type LoadMessage =
  | { readonly type: 'loaded' }
  | { readonly type: 'counted'; readonly counts: LoadCounts }
  | { readonly type: 'lost'; readonly loss: Loss }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'done'; readonly result: Omit<LoadResult, 'failures'> }

/** A failure as the client sees it; times are {@link monotonicNow}, the replica is not known to it. */
export interface Loss extends Pick<Failure, 'kind' | 'reason' | 'detail' | 'method' | 'path' | 'status' | 'reusedConnection'> {
  /** Local port of the connection, if it had one. */
  readonly clientPort: number | undefined
  readonly sentAt: number
  readonly lostAt: number
}
