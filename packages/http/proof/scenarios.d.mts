/** See scenarios.mjs. */
export const helpers: readonly string[]
