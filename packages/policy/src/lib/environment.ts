import { LifecycleError, resolvePolicy, type PolicyOptions } from '@lameduck/core'
import type { SettingValue } from './settings.ts'

/** An environment variable, what it sets, and which way is tighter: less time for the stop. */
interface Variable {
  readonly path: string
  readonly tighter: 'lower' | 'higher'
}

/**
 * What a deployment may set without a new build. Each can only take time away: a manifest that grants more than the
 * policy allows would be believed by nobody but this process.
 */
export const environmentVariables: Readonly<Record<string, Variable>> = {
  LAMEDUCK_GRACE_MS: { path: 'graceMs', tighter: 'lower' },
  LAMEDUCK_PRE_STOP_MS: { path: 'preStopMs', tighter: 'higher' },
  LAMEDUCK_MARGIN_MS: { path: 'marginMs', tighter: 'higher' },
  LAMEDUCK_LAME_DUCK_MAX_MS: { path: 'lameDuck.maxMs', tighter: 'lower' },
}

/**
 * The values that the environment sets, by path and variable.
 *
 * @throws LifecycleError `invalid-option` for what is not a number of ms, and for a value that loosens the policy.
 */
export function readEnvironment(env: NodeJS.ProcessEnv, options: PolicyOptions): { variable: string; path: string; value: SettingValue }[] {
  const now = resolvePolicy(options, env)
  return Object.entries(environmentVariables).flatMap(([variable, { path, tighter }]) => {
    const text = env[variable]?.trim()
    if (text === undefined || text === '') return []
    const value = Number(text)
    if (!Number.isInteger(value) || value < 0) {
      throw new LifecycleError('invalid-option', `${variable} must be a whole number of milliseconds; it is "${text}"`)
    }
    const current = path === 'lameDuck.maxMs' ? now.lameDuck.maxMs : now[path as 'graceMs' | 'preStopMs' | 'marginMs']
    if (tighter === 'lower' ? value > current : value < current) {
      throw new LifecycleError(
        'invalid-option',
        `${variable} is ${value}, but the policy has ${path} ${current}, and the environment may only make it ${tighter}. Change the policy itself.`,
      )
    }
    return [{ variable, path, value }]
  })
}
