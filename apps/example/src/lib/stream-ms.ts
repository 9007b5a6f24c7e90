const defaultMs = 30_000
const mostMs = 300_000

/** `?forMs=` of an event stream: how long it stays open at most. Anything that is not a number of ms takes the default, 30 s. */
export function streamMs(query: unknown): number {
  const forMs = typeof query === 'string' && query !== '' ? Number(query) : Number.NaN
  return Number.isFinite(forMs) && forMs >= 0 ? Math.min(forMs, mostMs) : defaultMs
}
