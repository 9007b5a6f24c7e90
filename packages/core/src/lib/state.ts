import type { Reason } from './reason.ts'
import type { Report } from './report/report.ts'

/** Where a service is in its life; each state carries only what is valid in it. Times are monotonic ms (`performance.now()`). */
export type State =
  | { readonly name: 'starting' }
  | { readonly name: 'ready'; readonly sinceMs: number }
  | { readonly name: 'lame-duck'; readonly reason: Reason; readonly sinceMs: number; readonly deadline: number }
  | { readonly name: 'draining'; readonly reason: Reason; readonly sinceMs: number; readonly deadline: number }
  | { readonly name: 'stopped'; readonly report: Report }
