import type { PreStop } from './rehearsal-options.ts'
import { runPreStop } from './pre-stop.ts'
import type { Replica, Stage } from './replica.ts'
import type { ReplicaExit } from './rehearsal.ts'

/**
 * Time from SIGTERM to SIGKILL, as in kubelet's `killContainer` (v1.21–v1.36): what preStop took counts in whole
 * seconds, and a least time is left whatever it took. SIGKILL therefore lands up to 1 s after the grace period.
 */
export function killAfterMs(graceMs: number, preStopMs: number, leastMs: number): number {
  return Math.max(leastMs, graceMs - Math.floor(preStopMs / 1000) * 1000)
}

/** Terminates one replica as kubelet does: mark, preStop, SIGTERM to the process (not its children), SIGKILL to all. */
export async function terminate(replica: Replica, stage: Stage, markTerminating: () => void): Promise<ReplicaExit> {
  const { name, fate, group } = replica
  const { emit, elapsedMs } = stage
  const { preStop, graceMs, leastAfterSignalMs } = stage.options.rollout
  if (replica.exit !== undefined) return replica.exit

  fate.terminatingAtMs = elapsedMs()
  markTerminating()
  emit({ type: 'replica-terminating', atMs: fate.terminatingAtMs, replica: name })

  if (preStop !== 'none') {
    fate.during = 'pre-stop'
    await waitForPreStop(preStop, fate.terminatingAtMs)
    if (group.child.exitCode !== null || group.child.signalCode !== null) return replica.exited
  }

  fate.during = 'terminating'
  const leftMs = killAfterMs(graceMs, fate.preStop?.tookMs ?? 0, leastAfterSignalMs)
  group.child.kill('SIGTERM')
  const signalledAtMs = elapsedMs()
  fate.signalledAtMs = signalledAtMs
  fate.killAfterMs = leftMs
  emit({ type: 'replica-signalled', atMs: signalledAtMs, replica: name, killAfterMs: leftMs })

  const timer = setTimeout(() => {
    fate.killed = true
    group.kill()
    emit({ type: 'replica-killed', atMs: elapsedMs(), replica: name })
  }, leftMs)
  try {
    return await replica.exited
  } finally {
    clearTimeout(timer)
  }

  async function waitForPreStop(hook: Exclude<PreStop, 'none'>, beganAtMs: number): Promise<void> {
    const cut = new AbortController()
    const timer = setTimeout(() => cut.abort(), graceMs)
    void group.exited.then(() => cut.abort())
    const error = await runPreStop(hook, (port) => replica.urlOf(port), cut.signal)
    clearTimeout(timer)
    fate.preStop = { tookMs: elapsedMs() - beganAtMs, error }
  }
}
