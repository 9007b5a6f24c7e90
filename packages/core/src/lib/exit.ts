import type { Clock } from './clock.ts'
import { flush } from './flush.ts'
import type { ProcessLike } from './process-like.ts'

/**
 * Ends the process: the only place in lameduck that does. Never by re-raising the signal, which does nothing in a
 * container where the service is PID 1.
 */
export async function exit(target: ProcessLike, code: number, flushMs: number, clock: Clock): Promise<void> {
  target.exitCode = code
  try {
    await flush([target.stdout, target.stderr], flushMs, clock)
  } finally {
    target.exit(code)
  }
}
