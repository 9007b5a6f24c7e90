import { below, checkedText, has, isName, isNamespace, line, listBelow, parseFields, requireList, requireMoment, requireSeconds, says, seconds, uid, type Fields } from './checked.ts'

/** The part of a Pod's record that is read here. Times are those of the API server, in whole seconds. */
export interface Pod {
  readonly uid: string
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

/** Which Pod was asked for. */
export interface PodName {
  readonly namespace: string
  readonly podName: string
}

/**
 * Reads what the API server sent. Whatever moves the deadline must be right, or the whole answer counts as unreadable; what only explains counts as not
 * there when it is wrong.
 *
 * @throws Error when it is not a Pod, or not that one, or has a field that is wrong.
 */
export function readPod(json: string, { namespace, podName }: PodName): Pod {
  const pod = parseFields(json)
  if (!says(pod, 'kind', 'Pod')) throw new Error('the answer is not a Pod')
  const metadata = below(pod, 'metadata')
  if (checkedText(metadata, 'name', isName) !== podName || checkedText(metadata, 'namespace', isNamespace) !== namespace) {
    throw new Error(`the answer is another Pod than ${namespace}/${podName}`)
  }
  const ownUid = uid(metadata)
  if (ownUid === undefined) throw new Error('the answer is a Pod without a uid')
  const spec = below(pod, 'spec')
  return {
    uid: ownUid,
    deletionMs: requireMoment(metadata, 'deletionTimestamp'),
    deletionGraceMs: requireSeconds(metadata, 'deletionGracePeriodSeconds'),
    graceMs: seconds(spec, 'terminationGracePeriodSeconds'),
    signalComesFirst: !requireList(spec, 'containers', 1).some(hasPreStop) && !requireList(spec, 'initContainers', 0).some(isSidecar),
    disruption: disruptionOf(below(pod, 'status')),
  }
}

function hasPreStop(container: Fields): boolean {
  return has(below(container, 'lifecycle'), 'preStop')
}

/** A native sidecar gets its signal when the others have gone. */
function isSidecar(container: Fields): boolean {
  return says(container, 'restartPolicy', 'Always')
}

function disruptionOf(status: Fields): Pod['disruption'] {
  const found = listBelow(status, 'conditions').find((condition) => says(condition, 'type', 'DisruptionTarget') && says(condition, 'status', 'True'))
  return found && { reason: line(found, 'reason') ?? '', message: line(found, 'message') ?? '' }
}

/** Whether a 404 says that there is no Pod of this name. A proxy before the API server, or another path, is not found in other words. */
export function saysGone(json: string, { podName }: PodName): boolean {
  const status = statusOf(json)
  const details = below(status, 'details')
  return says(status, 'kind', 'Status') && says(status, 'reason', 'NotFound') && says(details, 'kind', 'pods') && says(details, 'name', podName)
}

/** The API server explains a refusal in a `Status` object; a proxy before it may say anything. */
export function explanationOf(json: string): string {
  return line(statusOf(json), 'message') ?? 'no explanation'
}

function statusOf(json: string): Fields {
  try {
    return parseFields(json)
  } catch {
    return {}
  }
}
