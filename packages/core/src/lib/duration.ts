/** Milliseconds for people: `40 ms`, `1.2 s`. */
export function describeMs(ms: number): string {
  return Math.abs(ms) < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}
