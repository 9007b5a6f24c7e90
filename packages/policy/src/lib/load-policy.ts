import { dirname, resolve } from 'node:path'
import { LifecycleError, resolvePolicy, show, type PolicyOptions } from '@lameduck/core'
import { readEnvironment } from './environment.ts'
import type { Bounds, PolicyDocument, ProbeSettings } from './policy-document.ts'
import { readDocument, readDocuments, type Layer } from './read-documents.ts'
import type { Origin, ResolvedPolicy } from './resolved-policy.ts'
import { flatten, settings, unflatten, type SettingValue } from './settings.ts'

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

/**
 * Reads a policy with everything that it extends, lets the environment tighten it, and remembers who set what.
 *
 * @throws LifecycleError `invalid-option` with the file, the path and the value: an unknown key, a value of the wrong
 *   kind, one that a lower layer does not allow, or numbers that leave no time for the stop.
 */
export function loadPolicy({ from = {}, env = process.env }: LoadPolicyOptions = {}): ResolvedPolicy {
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
  for (const { variable, path, value } of readEnvironment(env, optionsFrom(values))) put(values, path, { layer: variable, value })

  const options = optionsFrom(values)
  // The numbers must fit each other too; core knows how.
  resolvePolicy(options, env)
  return {
    options,
    probes: { port: defaultPort, ...(branch(values, 'probes.') as ProbeSettings) },
    settings: [...values].map(([path, set]) => ({ path, value: (set.at(-1) as Origin).value, set })),
    layers: layers.map((layer) => layer.name),
  }
}

function valuesOf({ name, document }: Layer): Map<string, SettingValue> {
  const { name: _name, extends: _extends, allow: _allow, ...rest } = document
  return flatten(rest, name)
}

function validAllow({ name, document }: Layer): Readonly<Record<string, Bounds>> {
  const allow: unknown = document.allow
  if (typeof allow !== 'object' || allow === null) throw new LifecycleError('invalid-option', `${name}: allow must be an object; it is ${show(allow)}`)
  for (const [path, bounds] of Object.entries(allow) as [string, unknown][]) {
    if (!settings.has(path)) {
      throw new LifecycleError('invalid-option', `${name}: allow names "${path}", which is not a value of a policy; values are ${[...settings.keys()].join(', ')}`)
    }
    if (typeof bounds !== 'object' || bounds === null || Object.keys(bounds).some((key) => key !== 'min' && key !== 'max')) {
      throw new LifecycleError('invalid-option', `${name}: allow["${path}"] must be { min?, max? }; it is ${JSON.stringify(bounds)}`)
    }
  }
  return document.allow ?? {}
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
  return unflatten(new Map(flat)) as PolicyOptions
}

function branch(values: ReadonlyMap<string, readonly Origin[]>, prefix: string): Record<string, unknown> {
  const flat = [...values].filter(([path]) => path.startsWith(prefix)).map(([path, set]): [string, SettingValue] => [path.slice(prefix.length), (set.at(-1) as Origin).value])
  return unflatten(new Map(flat))
}
