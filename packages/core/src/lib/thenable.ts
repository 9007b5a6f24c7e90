/** Whether it can be awaited: also a promise of another realm (a `vm` context, Jest), which is not an instance of this realm's `Promise`. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  // Everything about a foreign value may throw.
  try {
    return ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
  } catch {
    return false
  }
}
