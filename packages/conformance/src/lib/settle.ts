/** How a promise ended, or that it did not. */
export type Settlement =
  | { readonly kind: 'fulfilled'; readonly value: unknown; readonly tookMs: number }
  | { readonly kind: 'rejected'; readonly error: unknown; readonly tookMs: number }
  | { readonly kind: 'pending'; readonly tookMs: number }

/** Runs `action`, a synchronous throw counting as a rejection, and tells how it ended within `ms`. Leaves no timer. */
export async function settle(action: () => unknown, ms: number): Promise<Settlement> {
  const begunAt = performance.now()
  const tookMs = (): number => performance.now() - begunAt
  const outcome = (async () => await action())().then(
    (value): Settlement => ({ kind: 'fulfilled', value, tookMs: tookMs() }),
    (error: unknown): Settlement => ({ kind: 'rejected', error, tookMs: tookMs() }),
  )
  return withTimer(outcome, ms, () => ({ kind: 'pending', tookMs: tookMs() }))
}

/** Asks until `isDone` likes the answer or `ms` have passed; resolves with the last answer. */
export async function eventually<T>(ask: () => Promise<T> | T, isDone: (answer: T) => boolean, ms: number): Promise<T> {
  const end = performance.now() + ms
  let answer = await ask()
  while (!isDone(answer) && performance.now() < end) {
    await pause(5)
    answer = await ask()
  }
  return answer
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function withTimer<T>(promise: Promise<T>, ms: number, onTimeout: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(onTimeout()), ms)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
