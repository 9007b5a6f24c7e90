import { LifecycleError, requireMs, show } from '../errors.ts'
import { copyResource, type ResourceCopy } from './copy-resource.ts'
import { stopsEarlier, type Entry } from './graph.ts'
import { requireOptions } from '../require-options.ts'
import { lameDuckStep } from '../report/report.ts'
import type { AddOptions, Handle } from '../lifecycle.ts'
import { phases, type Resource } from '../resource.ts'
import type { State } from '../state.ts'

/**
 * Refuses at once what could only fail during a stop.
 *
 * A cycle cannot be written with handles, since a resource can only need what was added before it; what is left is
 * a `needs` that contradicts the phases.
 */
export function validateAdd(
  given: Resource,
  needs: readonly (Entry | undefined)[],
  entries: ReadonlyMap<string, Entry>,
  state: State,
  starting: boolean,
): Entry {
  const { resource, givenTally } = validateResource(given)
  const { name } = resource
  if (state.name !== 'starting' && state.name !== 'ready') {
    throw new LifecycleError('added-too-late', `"${name}" was added when the lifecycle was already "${state.name}": it would never be stopped`, { resource: name })
  }
  if (starting && resource.start) {
    throw new LifecycleError(
      'added-too-late',
      `"${name}" was added after start() and has a start of its own, which nobody would call: add it before start(), or start it yourself and add it without one`,
      { resource: name },
    )
  }
  if (entries.has(name)) {
    throw new LifecycleError('duplicate-name', `a resource named "${name}" was added before; give one of them another name`, { resource: name })
  }
  return { resource, givenTally, needs: needs.map((need) => validateNeed(resource, need, entries)) }
}

/** @throws LifecycleError `invalid-option` for options that `add` has not got: an edge would be lost. */
export function requireAddOptions(options: AddOptions): Required<AddOptions> {
  requireOptions(options, { needs: true, whenEnded: true }, 'add()')
  const { needs = [], whenEnded = 'tell' } = options
  if (!Array.isArray(needs)) throw new LifecycleError('invalid-option', `needs must be an array of what add() returned; it is ${show(needs)}`)
  if (!['tell', 'not-ready', 'stop'].includes(whenEnded)) {
    throw new LifecycleError('invalid-option', `whenEnded must be "tell", "not-ready" or "stop"; it is ${show(whenEnded)}`)
  }
  return { needs: needs as readonly Handle[], whenEnded }
}

/** Checks what the lifecycle keeps of it, which is what it will read. */
function validateResource(given: Resource): ResourceCopy {
  if (typeof given !== 'object' || given === null) {
    throw new LifecycleError('invalid-resource', `add() takes a Resource; it was given ${show(given)}`)
  }
  const copy = copyResource(given)
  const { resource } = copy
  const { name, phase, drainFrom = 'phase' } = resource
  if (typeof name !== 'string' || name === '') {
    const hint = name === undefined ? `; add() takes what httpServer(), pgPool() and the like return, and was given ${show(given)}` : ''
    throw new LifecycleError('invalid-resource', `a resource's name must be a non-empty string; it is ${show(name)}${hint}`)
  }
  const refuse = (what: string): never => {
    throw new LifecycleError('invalid-resource', `resource "${name}": ${what}`, { resource: name })
  }
  if (name === lameDuckStep) refuse('that name belongs to the lame duck itself')
  if (!phases.includes(phase)) refuse(`phase must be one of ${phases.join(', ')}; it is ${show(phase)}`)
  if (!['phase', 'lame-duck-end', 'phase-end', 'signal'].includes(drainFrom)) {
    refuse(`drainFrom must be "phase", "lame-duck-end", "phase-end" or "signal"; it is ${show(drainFrom)}`)
  }
  if (typeof resource['drain'] !== 'function') refuse(`drain must be a function; it is ${show((resource as { drain: unknown }).drain)}`)
  for (const method of ['start', 'check', 'watch', 'preStop', 'quiesce', 'inFlight', 'lastArrival', 'behind', 'waitingFor', 'tally', 'unfinished', 'force'] as const) {
    const value: unknown = resource[method]
    if (value !== undefined && typeof value !== 'function') refuse(`${method} must be a function where it is given; it is ${show(value)}`)
  }
  const { warnings = [] } = resource
  if (!Array.isArray(warnings) || !warnings.every((warning) => typeof warning === 'string')) refuse(`warnings must be an array of texts; it is ${show(warnings)}`)
  for (const option of ['timeoutMs', 'reserveMs', 'forceMs'] as const) {
    if (resource[option] !== undefined) requireMs(resource[option], `resource "${name}": ${option}`)
  }
  return copy
}

function validateNeed(resource: Resource, need: Entry | undefined, entries: ReadonlyMap<string, Entry>): Entry {
  if (!need || entries.get(need.resource.name) !== need) {
    throw new LifecycleError(
      'unknown-dependency',
      `"${resource.name}" needs ${need ? `"${need.resource.name}", which was removed` : 'something that add() of this lifecycle did not return'}`,
      { resource: resource.name },
    )
  }
  if (stopsEarlier(need.resource, resource)) {
    throw new LifecycleError(
      'dependency-cycle',
      `"${resource.name}" (${whenOf(resource)}) needs "${need.resource.name}" (${whenOf(need.resource)}) and so must stop before it, ` +
        `but ${whenOf(need.resource)} stops before ${whenOf(resource)}. Give one of them another phase.`,
      { resource: resource.name },
    )
  }
  return need
}

function whenOf({ phase, drainFrom }: Resource): string {
  return drainFrom === 'phase-end' ? `the end of phase ${phase}` : `phase ${phase}`
}
