import { closest, LifecycleError, oneLine, phases, requireMs, show } from '@lameduck/core'

/** A value of a policy by its path (`lameDuck.minMs`). */
export type SettingValue = number | string

/** Checks one value; throws with the value and what it should have been. */
export type Check = (value: unknown, where: string) => SettingValue

/** Every path that a policy may set, with its check. What the values mean together is checked by core's `resolvePolicy`. */
export const settings: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['graceMs', (value, where) => requireMs(value, where, 1)],
  ...['preStopMs', 'marginMs', 'lameDuck.minMs', 'lameDuck.quietMs', 'lameDuck.maxMs'].map(ms),
  ...['forceMs', 'fatalMs'].map(ms),
  ...phases.flatMap((phase) => [`phases.${phase}.reserveMs`, `phases.${phase}.timeoutMs`]).map(ms),
  ...['clean', 'interrupted', 'unknown', 'forced', 'failed', 'fatal', 'stalled'].map((code): [string, Check] => [`exitCodes.${code}`, exitCode]),
  ['probes.port', port],
  ...['live', 'ready', 'startup'].map((path): [string, Check] => [`probes.paths.${path}`, urlPath]),
])

/** An object with keys: not an array, a Map, a Date, or another thing whose keys would be passed over in silence. */
export function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Turns `{ lameDuck: { minMs: 1 } }` into `lameDuck.minMs → 1`, and refuses what no policy has. `undefined` counts as not set. */
export function flatten(document: object, where: string, path: string = ''): Map<string, SettingValue> {
  const flat = new Map<string, SettingValue>()
  for (const [key, value] of Object.entries(document) as [string, unknown][]) {
    const full = path === '' ? key : `${path}.${key}`
    // `lameDuck.minMs` is how a value is named; it is written as { lameDuck: { minMs } }, or else two could set the same.
    const check = key.includes('.') ? undefined : settings.get(full)
    const isKnownBranch = check === undefined && !key.includes('.') && isBranch(full)
    if (value === undefined && (check || isKnownBranch)) continue
    if (check) flat.set(full, check(value, `${where}: ${full}`))
    else if (!isKnownBranch) throw new LifecycleError('invalid-option', oneLine(`${where}: ${unknownKey(key.slice(0, 200), path)}`))
    else if (isRecord(value)) {
      for (const [below, leaf] of flatten(value, where, full)) flat.set(below, leaf)
    } else {
      throw new LifecycleError('invalid-option', `${where}: ${full} must be an object; it is ${show(value)}`)
    }
  }
  return flat
}

/** Keys of a document that are not values of the policy. */
const otherKeys = ['name', 'extends', 'allow']

function unknownKey(key: string, path: string): string {
  const full = path === '' ? key : `${path}.${key}`
  if (settings.has(full)) return `${full} is not known as one key; write { ${full.split('.').join(': { ')}${' }'.repeat(full.split('.').length)}`
  const prefix = path === '' ? '' : `${path}.`
  const meant = closest(key, [...(path === '' ? otherKeys : []), ...knownBelow(path).map((name) => `${prefix}${name}`), ...settings.keys()])
  const known = `${path === '' ? 'are' : `below ${path} are`} ${knownBelow(path).join(', ')}`
  return meant === undefined ? `${full} is not known; known ${known}` : `${full} is not known; did you mean ${meant}? Known ${known}`
}

/** The opposite of `flatten`. */
export function unflatten(flat: ReadonlyMap<string, SettingValue>): Record<string, unknown> {
  const tree: Record<string, unknown> = {}
  for (const [path, value] of flat) {
    const keys = path.split('.')
    const last = keys.pop() as string
    let branch = tree
    for (const key of keys) branch = (branch[key] ??= {}) as Record<string, unknown>
    branch[last] = value
  }
  return tree
}

function isBranch(path: string): boolean {
  return [...settings.keys()].some((known) => known.startsWith(`${path}.`))
}

function knownBelow(path: string): string[] {
  const prefix = path === '' ? '' : `${path}.`
  const names = [...settings.keys()].filter((known) => known.startsWith(prefix)).map((known) => known.slice(prefix.length).split('.')[0] as string)
  return [...new Set(names)]
}

function ms(path: string): [string, Check] {
  return [path, (value, where) => requireMs(value, where)]
}

function exitCode(value: unknown, where: string): number {
  return wholeNumber(value, where, 255)
}

function port(value: unknown, where: string): number {
  return wholeNumber(value, where, 65_535)
}

function wholeNumber(value: unknown, where: string, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  throw new LifecycleError('invalid-option', `${where} must be a whole number from 0 to ${most}; it is ${show(value)}`)
}

function urlPath(value: unknown, where: string): string {
  if (typeof value === 'string' && value.startsWith('/')) return value
  throw new LifecycleError('invalid-option', `${where} must be a path that begins with "/"; it is ${show(value)}`)
}
