import { providersOf, type WithContainer } from './nest-container.ts'

/** The token of Terminus 11 and 12 for what its module was given. */
const optionsToken = 'TERMINUS:MODULE_OPTIONS'

/** Terminus may be told to wait in a shutdown hook, for the balancer; by then the lame duck has done that. */
export function warnOfTerminus(app: WithContainer): string[] {
  const found = providersOf(app).find(([token]) => token === optionsToken)
  const { gracefulShutdownTimeoutMs: waitMs } = (found?.[1].instance ?? {}) as { gracefulShutdownTimeoutMs?: unknown }
  if (typeof waitMs !== 'number' || waitMs <= 0) return []
  return [`Terminus waits another ${waitMs} ms when everything is drained, before app.close() goes on. Take gracefulShutdownTimeoutMs out.`]
}
