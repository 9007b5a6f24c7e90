import { setTimeout as sleep } from 'node:timers/promises'
import { createEndpoints } from './endpoints.ts'
import { findFreePort } from './free-port.ts'
import { createGuard, type Guard } from './guard.ts'
import type { Loss } from './load-message.ts'
import { monotonicNow } from './monotonic-now.ts'
import { createRandom } from './random.ts'
import type { RehearsalOptions } from './rehearsal-options.ts'
import { RehearsalError } from './rehearsal-error.ts'
import type { Failure, Rehearsal, ReplicaExit, ReplicaRecord } from './rehearsal.ts'
import { startReplica, type Replica, type ReplicaIdentity, type Stage } from './replica.ts'
import { resolveOptions, type ResolvedOptions } from './resolve-options.ts'
import { startLoad, type Load } from './start-load.ts'
import { startService, type Service } from './service.ts'
import { terminate } from './terminate.ts'

/**
 * Replays a rolling update of a Deployment on this machine, under load, and tells what was lost.
 *
 * It starts the replicas, waits for their readiness probes, lets the clients run, and then, one replica after the
 * other: starts a replacement, waits until it is ready, and terminates the old one as kubelet does, while new connections
 * follow the change of endpoints only `propagationMs` later and old ones stay where they are.
 *
 * Lost requests are not errors; they are in the result. It owns every process that it starts, and none is left when it settles.
 *
 * @throws LifecycleError `invalid-option` (as a rejection).
 * @throws RehearsalError when a replica never got ready, the load failed, or it was interrupted.
 */
export async function rehearse(options: RehearsalOptions): Promise<Rehearsal> {
  const resolved = resolveOptions(options)
  const guard = createGuard(resolved.signal)
  let set: RehearsalSet | undefined
  try {
    set = await openSet(resolved, guard)
    const performance = perform(set)
    // When it is interrupted, the performance fails too, but a little later and with less to say.
    performance.catch(() => {})
    return await Promise.race([performance, guard.interrupted])
  } finally {
    if (set !== undefined) await closeSet(set)
    guard.release()
  }
}

/** Everything that one rehearsal has running. */
interface RehearsalSet {
  readonly options: ResolvedOptions
  readonly stage: Stage
  readonly guard: Guard
  readonly beganAt: number
  readonly service: Service
  readonly replicas: Replica[]
  readonly losses: Loss[]
  readonly endpoints: ReturnType<typeof createEndpoints>
  readonly takenPorts: Set<number>
  load: Load | undefined
}

async function openSet(options: ResolvedOptions, guard: Guard): Promise<RehearsalSet> {
  const beganAt = monotonicNow()
  const endpoints = createEndpoints({ random: createRandom(options.seed), propagationMs: options.network.propagationMs })
  const service = await startService({ pick: () => endpoints.pick(), delayMs: options.network.delayMs })
  const stage: Stage = {
    options,
    elapsedMs: () => monotonicNow() - beganAt,
    emit: (event) => guard.attempt('onEvent', () => options.onEvent?.(event)),
    print: (line) => guard.attempt('onOutput', () => options.onOutput?.(line)),
  }
  stage.emit({ type: 'service-listening', atMs: stage.elapsedMs(), url: service.url })
  return { options, stage, guard, beganAt, service, replicas: [], losses: [], endpoints, takenPorts: new Set(), load: undefined }
}

async function perform(set: RehearsalSet): Promise<Rehearsal> {
  const { options, stage, guard, service } = set
  const { elapsedMs } = stage

  const old: Replica[] = []
  for (let index = 1; index <= options.replicas; index++) old.push(await start(set, `old-${index}`, 'old'))
  await Promise.all(old.map((replica) => replica.ready))
  for (const replica of old) set.endpoints.add(replica, true)

  const load = openLoad(set)
  await load.running
  await sleep(options.warmUpMs, undefined, { signal: guard.signal })
  await rollOut(set, old.slice(0, options.rollout.terminate))
  await sleep(options.coolDownMs, undefined, { signal: guard.signal })
  const totals = await load.stop()
  requireSent(options, totals.sent)
  await options.afterLoad?.({ url: service.url, records: totals.records })

  if (options.lastReplicas === 'terminate') await Promise.all(set.replicas.map((replica) => end(set, replica)))
  await killAll(set)
  return {
    seed: options.seed,
    tookMs: elapsedMs(),
    load: { ...totals, failures: set.losses.map((loss) => toFailure(set, loss)) },
    replicas: set.replicas.map((replica) => toRecord(set, replica)),
    exits: set.replicas
      .flatMap((replica): ReplicaExit[] => (replica.exit === undefined || replica.exit.during === 'end' ? [] : [replica.exit]))
      .toSorted((a, b) => a.atMs - b.atMs),
  }
}

/** A script that sends nothing would lose nothing, whatever the service does. */
function requireSent({ load: { script, fast, slow } }: ResolvedOptions, sent: number): void {
  if (script === undefined || sent > 0 || fast + slow === 0) return
  throw new RehearsalError(
    'load-failed',
    `${script} has sent nothing: none of its ${fast + slow} clients called client.request or client.attempt. Use one of them for what the service must not lose, or let the load run for longer (warmUpMs, coolDownMs).`,
  )
}

/** As a Deployment with `maxSurge: 1, maxUnavailable: 0`: one new, then one old, and so on. */
async function rollOut(set: RehearsalSet, leaving: readonly Replica[]): Promise<void> {
  const { rollout } = set.options
  const terminations: Promise<ReplicaExit>[] = []
  for (const [index, replica] of leaving.entries()) {
    if (rollout.replace) {
      const replacement = await start(set, `new-${index + 1}`, 'new')
      await replacement.ready
      set.endpoints.add(replacement, false)
    }
    const termination = end(set, replica)
    terminations.push(termination)
    if (rollout.waitForExit) await termination
  }
  await Promise.all(terminations)
}

async function start(set: RehearsalSet, name: string, generation: ReplicaIdentity['generation']): Promise<Replica> {
  const { stage, guard, endpoints } = set
  const port = await findFreePort(set.takenPorts)
  const probePort = await findFreePort(set.takenPorts)
  guard.signal.throwIfAborted()
  const replica = startReplica({ name, generation, port, probePort }, stage, (isReady) => endpoints.setReady(name, isReady))
  set.replicas.push(replica)
  guard.protect(() => replica.group.kill())
  void replica.exited.then(() => endpoints.remove(name))
  return replica
}

function end(set: RehearsalSet, replica: Replica): Promise<ReplicaExit> {
  return terminate(replica, set.stage, () => set.endpoints.setTerminating(replica.name))
}

function openLoad(set: RehearsalSet): Load {
  const { options, stage, guard, service } = set
  const { emit, elapsedMs } = stage
  guard.signal.throwIfAborted()
  const load = startLoad({
    load: options.load,
    port: service.port,
    seed: options.seed,
    elapsedMs,
    onCounts: (counts) => emit({ type: 'load-counted', atMs: elapsedMs(), counts }),
    onLoss(loss) {
      set.losses.push(loss)
      emit({ type: 'request-lost', atMs: elapsedMs(), failure: toFailure(set, loss) })
    },
    onOutput: (line) => stage.print({ ...line, replica: 'load' }),
    onFailure: (error) => guard.interrupt(error),
  })
  set.load = load
  guard.protect(() => load.kill())
  return load
}

async function killAll(set: RehearsalSet): Promise<void> {
  set.load?.kill()
  for (const replica of set.replicas) {
    if (replica.exit === undefined && replica.fate.signalledAtMs === undefined) replica.fate.during = 'end'
    replica.group.kill()
  }
  await Promise.all([set.load?.exited, ...set.replicas.map((replica) => replica.exited)])
}

async function closeSet(set: RehearsalSet): Promise<void> {
  await killAll(set)
  set.endpoints.close()
  await set.service.close()
}

/** Only the front knows which replica a connection belonged to, and whether it ever reached it. */
function toFailure(set: RehearsalSet, loss: Loss): Failure {
  const { clientPort, sentAt, lostAt, reason, detail, ...rest } = loss
  const connection = clientPort === undefined ? undefined : set.service.connectionOf(clientPort, lostAt)
  const signalledAtMs = set.replicas.find((replica) => replica.name === connection?.replica)?.fate.signalledAtMs
  const lostAtMs = lostAt - set.beganAt
  const isRefused = connection?.refused !== undefined && (reason === 'reset-before-headers' || reason === 'refused' || reason === 'failed')
  return {
    ...rest,
    reason: isRefused ? 'refused' : reason,
    detail: isRefused ? `${connection.refused}` : detail,
    replica: connection?.replica,
    sentAtMs: sentAt - set.beganAt,
    lostAtMs,
    afterSignalMs: signalledAtMs === undefined ? undefined : lostAtMs - signalledAtMs,
  }
}

function toRecord(set: RehearsalSet, replica: Replica): ReplicaRecord {
  const { name, generation, pid, port, probePort, startedAtMs, readyAtMs, exit, probes, fate, output } = replica
  const { terminatingAtMs, preStop, signalledAtMs, killAfterMs } = fate
  const connections = set.service.connectionsTo(name)
  return {
    name, generation, pid, port, probePort, startedAtMs, readyAtMs, terminatingAtMs, preStop, signalledAtMs, killAfterMs, exit, connections,
    probes, output: output.lines, report: output.report,
  }
}
