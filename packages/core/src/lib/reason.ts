import { describeValue } from './describe-value.ts'

/** Why the service stops. Each kind has its own budget and its own exit code. */
export type Reason =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals; readonly interactive: boolean }
  | { readonly kind: 'pre-stop' }
  | { readonly kind: 'fatal'; readonly origin: 'uncaughtException' | 'unhandledRejection' | 'start'; readonly error: unknown }
  | { readonly kind: 'programmatic'; readonly detail?: string }
  | { readonly kind: 'event-loop-stalled' }

/** One short text for logs: `SIGTERM`, `uncaughtException: connect ECONNREFUSED`. */
export function describeReason(reason: Reason): string {
  switch (reason.kind) {
    case 'signal':
      return reason.signal
    case 'pre-stop':
      return 'preStop'
    case 'fatal':
      return `${reason.origin === 'start' ? 'a failed start' : reason.origin}: ${describeValue(reason.error)}`
    case 'programmatic':
      return reason.detail ?? 'stop() was called'
    case 'event-loop-stalled':
      return 'the event loop is stalled'
  }
}

/** Only a stop that the platform asked for has clients to lead elsewhere; a person at a terminal and a crash do not wait. */
export function hasLameDuck(reason: Reason): boolean {
  return reason.kind === 'pre-stop' || reason.kind === 'programmatic' || (reason.kind === 'signal' && !reason.interactive)
}
