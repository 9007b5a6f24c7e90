import { dirname, resolve } from 'node:path'
import { LifecycleError, oneLine, requireOptions, resolvePolicy, show, type Policy, type PolicyOptions } from '@lameduck/core'
import { readEnvironment } from './environment.ts'
import type { Bounds, PolicyDocument, ProbeSettings } from './policy-document.ts'
import { readDocument, readDocuments, type Layer } from './read-documents.ts'
import type { Origin, ResolvedPolicy } from './resolved-policy.ts'
import { flatten, isRecord, settings, unflatten, type SettingValue } from './settings.ts'

export interface LoadPolicyOptions {
  /** A JSON file, relative to the working folder; or the document itself. @default an empty document */
  readonly from?: string | PolicyDocument
  /** Where the environment is read from. @default process.env */
  readonly env?: NodeJS.ProcessEnv
}

/** What a lower layer lets the ones above it change. */
interface Permission {
  readonly layer: string
  readonly allow: Readonly<Record<string, Bounds>>
}

const defaultPort = 9090

/** What belongs into the document, to be suggested. */
const settingNames = [...settings.keys(), 'name', 'extends', 'allow'].map((name) => `from.${name}`)

/**
 * Reads a policy with everything that it extends, lets the environment tighten it within what every layer allows, and
 * remembers who set what. A value that is `undefined` counts as not set.
 *
 * @throws LifecycleError `invalid-option` with the file or the variable, the path and the value: an unknown key, a value
 *   of the wrong kind, or one that a lower layer does not allow. Numbers that do not fit each other, such as those that
 *   leave no time for the stop, come with the names of all layers and core's error as the `cause`.
 */
export function loadPolicy(options: LoadPolicyOptions = {}): ResolvedPolicy {
  const { from = {}, env = process.env } = requireOptions(options, { from: true, env: true }, 'loadPolicy()', settingNames)
  if (typeof from !== 'string' && !isRecord(from)) throw new LifecycleError('invalid-option', `loadPolicy(): from must be a file or a document; it is ${show(from)}`)
  if (typeof env !== 'object' || env === null) throw new LifecycleError('invalid-option', `loadPolicy(): env must be an object of variables; it is ${show(env)}`)
  const layers = typeof from === 'string' ? readDocuments(readDocument(resolve(from)), from, dirname(resolve(from))) : readDocuments(from, 'the service', process.cwd())
  const values = new Map<string, Origin[]>()
  const permissions: Permission[] = []
  for (const layer of layers) {
    for (const [path, value] of valuesOf(layer)) {
      for (const permission of permissions) requireAllowed(permission, layer.name, path, value)
      put(values, path, { layer: layer.name, value })
    }
    if (layer.document.allow !== undefined) permissions.push({ layer: layer.name, allow: validAllow(layer) })
  }
  const names = layers.map((layer) => layer.name)
  const written = optionsFrom(values)
  const tightened = readEnvironment(env, written, resolveLayers(written, env, names))
  for (const { variable, path, value } of tightened) {
    for (const permission of permissions) requireAllowed(permission, variable, path, value)
    put(values, path, { layer: variable, value })
  }

  const resolved = optionsFrom(values)
  resolveLayers(resolved, env, [...names, ...new Set(tightened.map(({ variable }) => variable))])
  return {
    options: resolved,
    probes: { port: defaultPort, ...(branch(values, 'probes.') as ProbeSettings) },
    settings: [...values].map(([path, set]) => ({ path, value: (set.at(-1) as Origin).value, set })),
    layers: names,
  }
}

/** The numbers must fit each other too; core knows how, but not whose they are. */
function resolveLayers(options: PolicyOptions, env: NodeJS.ProcessEnv, names: readonly string[]): Policy {
  try {
    return resolvePolicy(options, env)
  } catch (cause) {
    throw new LifecycleError('invalid-option', `${names.join(' → ')}: ${(cause as Error).message}`, { cause })
  }
}

function valuesOf({ name, document }: Layer): Map<string, SettingValue> {
  const { name: _name, extends: _extends, allow: _allow, ...rest } = document
  return flatten(rest, name)
}

function validAllow({ name, document }: Layer): Readonly<Record<string, Bounds>> {
  const allow: unknown = document.allow
  if (!isRecord(allow)) throw new LifecycleError('invalid-option', `${name}: allow must be an object; it is ${show(allow)}`)
  const valid: Record<string, Bounds> = {}
  for (const [path, bounds] of Object.entries(allow) as [string, unknown][]) {
    if (!settings.has(path)) {
      throw new LifecycleError('invalid-option', `${name}: allow names "${oneLine(path.slice(0, 200))}", which is not a value of a policy; values are ${[...settings.keys()].join(', ')}`)
    }
    if (bounds === undefined) continue
    if (!isBounds(bounds)) {
      throw new LifecycleError('invalid-option', `${name}: allow["${path}"] must be { min?, max? } with numbers; it is ${shown(bounds)}`)
    }
    if ((bounds.min ?? -Infinity) > (bounds.max ?? Infinity)) throw new LifecycleError('invalid-option', `${name}: allow["${path}"] has min ${bounds.min} above max ${bounds.max}`)
    valid[path] = bounds
  }
  return valid
}

function shown(bounds: unknown): string {
  try {
    return oneLine(JSON.stringify(bounds))
  } catch {
    return show(bounds)
  }
}

function isBounds(bounds: unknown): bounds is Bounds {
  if (!isRecord(bounds)) return false
  return Object.entries(bounds).every(
    ([key, value]: [string, unknown]) => (key === 'min' || key === 'max') && (value === undefined || (typeof value === 'number' && !Number.isNaN(value))),
  )
}

function requireAllowed({ layer, allow }: Permission, by: string, path: string, value: SettingValue): void {
  const bounds = allow[path]
  if (!bounds) {
    const open = Object.keys(allow)
    throw new LifecycleError('invalid-option', `${by}: ${path} may not be changed; ${layer} allows ${open.length === 0 ? 'no changes' : `only ${open.join(', ')}`}`)
  }
  const { min = -Infinity, max = Infinity } = bounds
  if (typeof value === 'number' && (value < min || value > max)) {
    throw new LifecycleError('invalid-option', `${by}: ${path} is ${value}; ${layer} allows ${min} to ${max}`)
  }
}

function put(values: Map<string, Origin[]>, path: string, origin: Origin): void {
  const set = values.get(path)
  if (set) set.push(origin)
  else values.set(path, [origin])
}

function optionsFrom(values: ReadonlyMap<string, readonly Origin[]>): PolicyOptions {
  const flat = [...values].filter(([path]) => !path.startsWith('probes.')).map(([path, set]): [string, SettingValue] => [path, (set.at(-1) as Origin).value])
  const grace = values.get('graceMs')?.at(-1)
  return { ...(unflatten(new Map(flat)) as PolicyOptions), ...(grace ? { graceFrom: `graceMs of ${grace.layer}` } : {}) }
}

function branch(values: ReadonlyMap<string, readonly Origin[]>, prefix: string): Record<string, unknown> {
  const flat = [...values].filter(([path]) => path.startsWith(prefix)).map(([path, set]): [string, SettingValue] => [path.slice(prefix.length), (set.at(-1) as Origin).value])
  return unflatten(new Map(flat))
}
