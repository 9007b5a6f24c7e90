import type { DrainContext } from '@lameduck/core'

/** What the engine would give to `drain`, with a deadline `ms` from now. */
export function drainContext(ms: number = 10_000): DrainContext & { cut(): void } {
  const abort = new AbortController()
  const deadline = performance.now() + ms
  const timer = setTimeout(() => abort.abort(), ms)
  timer.unref()
  return {
    reason: { kind: 'signal', signal: 'SIGTERM', interactive: false },
    deadline,
    remaining: () => Math.max(0, deadline - performance.now()),
    signal: abort.signal,
    cut: () => abort.abort(),
  }
}

export const quiesceContext = { reason: { kind: 'signal', signal: 'SIGTERM', interactive: false }, deadline: Infinity } as const

export const forceContext = { reason: quiesceContext.reason, boundMs: 100 } as const

/** `value` when the promise settles within `ms`, else `'pending'`: for showing that something never ends. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | 'pending'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'pending'>((resolve) => {
    timer = setTimeout(resolve, ms, 'pending' as const)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
