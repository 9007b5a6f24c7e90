/** The part of a Pod's record that is read here. Times are those of the API server, in whole seconds. */
export interface Pod {
  readonly uid: string | undefined
  /** When the grace period is over, in ms since 1970; `undefined` while nobody has deleted the Pod. */
  readonly deletionMs: number | undefined
  /** Grace period of the deletion: the Pod's own, or what the one who deleted it asked for. */
  readonly deletionGraceMs: number | undefined
  /** `terminationGracePeriodSeconds`. */
  readonly graceMs: number | undefined
  /** Nothing in it has a preStop hook or is a sidecar, so the stop signal is the first thing that the kubelet does. */
  readonly signalComesFirst: boolean
  /** The condition `DisruptionTarget`, while it is true. */
  readonly disruption: { readonly reason: string; readonly message: string } | undefined
}

/**
 * Reads what the API server sent. What is missing or of another type counts as not there.
 *
 * @throws Error when it is not a Pod.
 */
export function readPod(json: string): Pod {
  const pod = record(JSON.parse(json))
  if (pod['kind'] !== 'Pod') throw new Error('the answer is not a Pod')
  const metadata = record(pod['metadata'])
  const spec = record(pod['spec'])
  return {
    uid: text(metadata['uid']),
    deletionMs: time(metadata['deletionTimestamp']),
    deletionGraceMs: seconds(metadata['deletionGracePeriodSeconds']),
    graceMs: seconds(spec['terminationGracePeriodSeconds']),
    signalComesFirst: !list(spec['containers']).some(hasPreStop) && !list(spec['initContainers']).some(isSidecar),
    disruption: disruptionOf(record(pod['status'])['conditions']),
  }
}

function hasPreStop(container: JsonObject): boolean {
  return record(container['lifecycle'])['preStop'] !== undefined
}

/** A native sidecar gets its signal when the others have gone. */
function isSidecar(container: JsonObject): boolean {
  return container['restartPolicy'] === 'Always'
}

function disruptionOf(conditions: unknown): Pod['disruption'] {
  const found = list(conditions).find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  return found && { reason: text(found['reason']) ?? '', message: text(found['message']) ?? '' }
}

export type JsonObject = Readonly<Record<string, unknown>>

/** A value of parsed JSON as an object, empty where it is none. */
export function record(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
}

function list(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(record) : []
}

/** A value of parsed JSON as a text that says something. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function seconds(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value * 1_000 : undefined
}

function time(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(ms) ? undefined : ms
}
