/** Runs `action` under a signal that aborts with `signal`, or after `ms` with an error that says `why`. */
export async function within<T>(ms: number, why: string, signal: AbortSignal, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new Error(why)), ms)
  try {
    return await action(AbortSignal.any([signal, limit.signal]))
  } finally {
    clearTimeout(timer)
  }
}
