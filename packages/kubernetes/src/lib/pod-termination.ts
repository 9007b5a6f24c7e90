import { LifecycleError, requireMs, requireOptions, show, type Lifecycle, type OptionNames } from '@lameduck/core'
import { askForPod, type PodAnswer } from './ask-for-pod.ts'
import { causeOf } from './cause-of.ts'
import { isName, isNamespace } from './checked.ts'
import { roleManifest } from './role-manifest.ts'
import type { ServiceAccountInput } from './service-account.ts'
import { timeLeft, timeLeftOfGone, type TimeLeft } from './time-left.ts'

export interface PodTerminationOptions {
  /** Longest time for the question in a stop, in ms, from the files to the last byte. @default 300 */
  readonly timeoutMs?: number
  /** @default what the token says, else the variable `POD_NAME`, else `HOSTNAME` */
  readonly podName?: string
  /** @default what the token says, else the variable `POD_NAMESPACE`, else the mounted file */
  readonly namespace?: string
  /** Where `token`, `ca.crt` and `namespace` are. @default '/var/run/secrets/kubernetes.io/serviceaccount' */
  readonly folder?: string
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv
}

const optionNames: OptionNames<PodTerminationOptions> = { timeoutMs: true, podName: true, namespace: true, folder: true, env: true }

/** Which of the two it was cannot be told, and only the first one leaves no time. */
const deadToken = ' (a token dies with its Pod, which was then deleted by force, or with its ServiceAccount)'

/** Longest time for the question after the start, in ms; nothing waits for it. */
const checkTimeoutMs = 5_000

/**
 * Asks the API server for the own Pod when the platform's signal has begun a stop: it tells the grace period that the
 * platform really keeps (`--grace-period`, an eviction, a preStop hook that took its part of it), and the cause.
 * The deadline can only move earlier, and only when the evidence is whole (see {@link timeLeft}). The question goes beside the drain, which never waits for it; what cannot be read
 * is the detail of the report's cause, and nothing more.
 *
 * It asks once per stop: a second deletion with a shorter grace period does not hasten a kill that the kubelet has begun.
 *
 * It asks once after the start too, so that a missing role is known before the first stop: a warning of the lifecycle. Outside Kubernetes (no
 * `KUBERNETES_SERVICE_HOST`) it does nothing.
 *
 * @returns the function that ends it.
 * @throws LifecycleError `invalid-option`.
 */
export function podTermination(lifecycle: Lifecycle, options: PodTerminationOptions = {}): () => void {
  const { podName, namespace, folder, env, timeoutMs } = resolveOptions(options)
  if (!env['KUBERNETES_SERVICE_HOST']) return () => {}

  let asking = new AbortController()
  const unsubscribe = lifecycle.subscribe((event) => {
    if (event.type === 'state-changed' && event.state.name === 'ready') void check()
    if (event.type === 'stop-begun') {
      asking.abort()
      if (event.reason.kind === 'signal' && !event.reason.interactive) void learn()
    }
    if (event.type === 'stopped') end()
  })
  if (lifecycle.state.name === 'ready') void check()
  return end

  function end(): void {
    unsubscribe()
    asking.abort()
  }

  /** `undefined`: nobody wants to know any more. */
  async function ask(limitMs: number): Promise<PodAnswer | undefined> {
    const current = new AbortController()
    asking = current
    const answer = await askForPod({ env, folder, podName, namespace, timeoutMs: limitMs, signal: current.signal })
    return current.signal.aborted ? undefined : answer
  }

  async function learn(): Promise<void> {
    const signalledAt = performance.now()
    const answer = await ask(timeoutMs)
    const sinceSignalMs = performance.now() - signalledAt
    if (!answer) return
    switch (answer.kind) {
      case 'pod':
        lifecycle.attribute(causeOf(answer.pod))
        return shrink(timeLeft({ ...answer, sinceSignalMs }))
      case 'gone':
        lifecycle.attribute({ kind: 'deletion', detail: 'deleted by force: the API server has no such Pod any more' })
        return shrink(timeLeftOfGone(sinceSignalMs))
      case 'unreadable':
        return lifecycle.attribute({ kind: 'unknown', detail: `the Pod could not be read: ${answer.why}${answer.refused?.status === 401 ? deadToken : ''}` })
    }
  }

  function shrink(left: TimeLeft | undefined): void {
    if (left) lifecycle.shrinkTo(Math.max(0, left.leftMs - lifecycle.policy.marginMs), left.source)
  }

  async function check(): Promise<void> {
    const answer = await ask(checkTimeoutMs)
    if (answer?.kind === 'unreadable') {
      const { refused } = answer
      const fix = refused?.status === 403 ? `. Apply:\n\n${roleManifest(refused.account)}` : ''
      lifecycle.warn(`a stop will not know its cause, nor a deadline that is shorter than the policy's, since the Pod cannot be read: ${answer.why}${fix}`)
    }
    const { graceMs } = lifecycle.policy
    if (answer?.kind === 'pod' && answer.pod.graceMs !== undefined && answer.pod.graceMs < graceMs) {
      lifecycle.warn(
        `the policy's grace period is ${graceMs} ms, the Pod's terminationGracePeriodSeconds only ${answer.pod.graceMs / 1_000}: ` +
          'when the Pod is not deleted but killed (a failed liveness probe), SIGKILL comes before the deadline. Make them alike.',
      )
    }
  }
}

type ResolvedOptions = ServiceAccountInput & { readonly timeoutMs: number }

function resolveOptions(options: PodTerminationOptions): ResolvedOptions {
  const { podName, namespace, folder = '/var/run/secrets/kubernetes.io/serviceaccount', env = process.env, timeoutMs = 300 } = requireOptions(options, optionNames, 'podTermination()')
  if (podName !== undefined && !isName(podName)) throw invalid('podName must be the name of a Pod', podName)
  if (namespace !== undefined && !isNamespace(namespace)) throw invalid('namespace must be the name of a namespace', namespace)
  if (typeof folder !== 'string' || folder === '' || folder.includes('\0')) throw invalid('folder must be the path of a folder', folder)
  if (typeof env !== 'object' || env === null) throw invalid('env must be an object of variables', env)
  return { podName, namespace, folder, env, timeoutMs: requireMs(timeoutMs, 'timeoutMs', 1) }
}

function invalid(rule: string, value: unknown): LifecycleError {
  return new LifecycleError('invalid-option', `podTermination(): ${rule}; it is ${show(value)}`)
}
