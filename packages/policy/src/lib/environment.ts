import { closest, LifecycleError, oneLine, show, type Policy, type PolicyOptions } from '@lameduck/core'
import type { SettingValue } from './settings.ts'

/** An environment variable, what it sets, and which way is tighter: less time for the stop. */
interface Variable {
  readonly path: string
  readonly tighter: 'lower' | 'higher'
}

/**
 * What a deployment may set without a new build. Each can only take time away: a manifest that grants more than the
 * policy allows would be believed by nobody but this process. What a layer's `allow` does not list, or keeps within
 * bounds, holds for them as for any other layer.
 */
export const environmentVariables: Readonly<Record<string, Variable>> = {
  LAMEDUCK_GRACE_MS: { path: 'graceMs', tighter: 'lower' },
  LAMEDUCK_PRE_STOP_MS: { path: 'preStopMs', tighter: 'higher' },
  LAMEDUCK_MARGIN_MS: { path: 'marginMs', tighter: 'higher' },
  LAMEDUCK_LAME_DUCK_MAX_MS: { path: 'lameDuck.maxMs', tighter: 'lower' },
}

/** One value that the environment sets, and by which variable. */
interface EnvironmentValue {
  readonly variable: string
  readonly path: string
  readonly value: SettingValue
}

/**
 * The values that the environment sets. `options` is what the layers set, `now` the same with core's defaults.
 *
 * A longest lame duck below the `lameDuck.minMs` of a layer lowers that too, so that 0 switches the lame duck off.
 *
 * @throws LifecycleError `invalid-option` for a variable `LAMEDUCK_…` that is not known, for what is not a number of ms, and for a value that loosens the policy.
 */
export function readEnvironment(env: NodeJS.ProcessEnv, options: PolicyOptions, now: Policy): EnvironmentValue[] {
  refuseStrangers(env)
  return Object.entries(environmentVariables).flatMap(([variable, { path, tighter }]) => {
    const given: unknown = env[variable]
    const text = typeof given === 'string' ? given.trim() : given
    if (text === undefined || text === '') return []
    // Digits alone: what reads 1e3 or 0x10 as a number is this language, and not what fills in a manifest.
    if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) {
      throw new LifecycleError('invalid-option', `${variable} must be a whole number of milliseconds; it is ${typeof text === 'string' ? `"${oneLine(text)}"` : show(text)}`)
    }
    const value = Number(text)
    const current = path === 'lameDuck.maxMs' ? now.lameDuck.maxMs : now[path as 'graceMs' | 'preStopMs' | 'marginMs']
    if (tighter === 'lower' ? value > current : value < current) {
      throw new LifecycleError(
        'invalid-option',
        `${variable} is ${value}, but the policy has ${path} ${current}, and the environment may only make it ${tighter}. Change the policy itself.`,
      )
    }
    // A minMs that no layer set is core's default, which follows maxMs by itself.
    const lowersMin = path === 'lameDuck.maxMs' && value < (options.lameDuck?.minMs ?? 0)
    return [{ variable, path, value }, ...(lowersMin ? [{ variable, path: 'lameDuck.minMs', value }] : [])]
  })
}

/** What Kubernetes itself sets in every container for a Service whose name begins with `lameduck`: `LAMEDUCK_SERVICE_HOST`, `LAMEDUCK_PORT_80_TCP_ADDR`. */
const serviceLink = /_(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/

/** A variable that nothing reads would do nothing, in silence. */
function refuseStrangers(env: NodeJS.ProcessEnv): void {
  const known = Object.keys(environmentVariables)
  const stranger = Object.keys(env).find((name) => /^lameduck_/i.test(name) && env[name] !== undefined && !known.includes(name) && !serviceLink.test(name))
  if (stranger === undefined) return
  const meant = closest(stranger, known)
  const hint = meant === undefined ? 'known' : `did you mean ${meant}? Known`
  throw new LifecycleError('invalid-option', `the variable ${oneLine(stranger.slice(0, 200))} is not known; ${hint} are ${known.join(', ')}`)
}
