import { startProcessGroup, type GroupExit, type ProcessGroup } from './process-group.ts'
import { readOutput, type Output } from './output.ts'
import { watchProbe, type ProbeAnswer } from './probe.ts'
import type { HttpTarget, OutputLine } from './rehearsal-options.ts'
import { RehearsalError } from './rehearsal-error.ts'
import type { ProbeChange, ReplicaExit } from './rehearsal.ts'
import type { ResolvedOptions } from './resolve-options.ts'
import type { RehearsalEvent } from './rehearsal-event.ts'

/** What replicas need from the rehearsal they are part of. */
export interface Stage {
  readonly options: ResolvedOptions
  readonly elapsedMs: () => number
  readonly emit: (event: RehearsalEvent) => void
  readonly print: (line: OutputLine & { readonly replica: string }) => void
}

export interface ReplicaIdentity {
  readonly name: string
  readonly generation: 'old' | 'new'
  readonly port: number
  readonly probePort: number
}

/** One running copy of the command, and what is known about it so far. */
export interface Replica extends ReplicaIdentity {
  readonly pid: number
  readonly startedAtMs: number
  readonly output: Output
  readonly probes: readonly ProbeChange[]
  /** Settles on the first good readiness answer; rejects when the replica exits before, or takes too long. */
  readonly ready: Promise<void>
  /** Settles when it is gone and its output is read. */
  readonly exited: Promise<ReplicaExit>
  readonly group: ProcessGroup
  /** What the rehearsal did to it; written by `terminate`. */
  readonly fate: Fate
  readyAtMs: number | undefined
  exit: ReplicaExit | undefined
  urlOf(port: HttpTarget['port']): string
}

export interface Fate {
  during: ReplicaExit['during']
  terminatingAtMs: number | undefined
  preStop: { readonly tookMs: number; readonly error: string | undefined } | undefined
  signalledAtMs: number | undefined
  killAfterMs: number | undefined
  killed: boolean
}

/** Starts a replica. `onReadiness` hears of every change of the Pod's Ready condition after the first. */
export function startReplica(identity: ReplicaIdentity, stage: Stage, onReadiness: (isReady: boolean) => void): Replica {
  const { name, port, probePort } = identity
  const { options, elapsedMs, emit, print } = stage
  const startedAtMs = elapsedMs()
  const group = startProcessGroup({
    command: options.command,
    cwd: options.cwd,
    env: { ...process.env, ...options.env, PORT: String(port), PROBE_PORT: String(probePort), REPLICA: name },
  })
  const { stdout, stderr } = group.child
  if (stdout === null || stderr === null) throw new Error('the replica was started without pipes')
  const output = readOutput({ stdout, stderr, elapsedMs, onLine: (line) => print({ ...line, replica: name }) })
  const probes: ProbeChange[] = []
  const gone = new AbortController()
  let failuresInRow = 0
  let isReady = false

  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(notReady(`did not answer its readiness probe within ${options.readyTimeoutMs} ms`)), options.readyTimeoutMs)
    gone.signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(notReady(`ended before it was ready (${describe(gone.signal.reason as GroupExit)})`))
    })
    watch('readiness', options.probes.readiness, (answer) => {
      failuresInRow = answer.ok ? 0 : failuresInRow + 1
      const wasReady = isReady
      isReady = answer.ok || (isReady && failuresInRow < options.probes.failureThreshold)
      if (isReady === wasReady) return
      if (replica.readyAtMs !== undefined) return onReadiness(isReady)
      clearTimeout(timer)
      replica.readyAtMs = elapsedMs()
      emit({ type: 'replica-ready', atMs: replica.readyAtMs, replica: name, tookMs: replica.readyAtMs - startedAtMs })
      resolve()
    })
  })
  // Whoever waits for it sees the rejection; when nobody waits any more, it must not end the process.
  ready.catch(() => {})
  if (options.probes.liveness !== 'none') watch('liveness', options.probes.liveness, () => {})

  const fate: Fate = { during: 'running', terminatingAtMs: undefined, preStop: undefined, signalledAtMs: undefined, killAfterMs: undefined, killed: false }
  const replica: Replica = {
    ...identity,
    pid: group.child.pid ?? 0,
    startedAtMs,
    output,
    probes,
    ready,
    group,
    fate,
    exited: group.exited.then(recordExit),
    readyAtMs: undefined,
    exit: undefined,
    urlOf: (which) => `http://127.0.0.1:${which === 'app' ? port : probePort}`,
  }
  emit({ type: 'replica-started', atMs: startedAtMs, replica: name, pid: replica.pid, port, probePort })
  return replica

  async function recordExit(exit: GroupExit): Promise<ReplicaExit> {
    const atMs = elapsedMs()
    const { during, signalledAtMs, killAfterMs, killed } = fate
    const afterSignalMs = signalledAtMs === undefined ? undefined : atMs - signalledAtMs
    const graceLeftMs = afterSignalMs === undefined || killAfterMs === undefined ? undefined : Math.max(0, killAfterMs - afterSignalMs)
    const record: ReplicaExit = { replica: name, code: exit.code, signal: exit.signal, atMs, during, afterSignalMs, graceLeftMs, killed }
    gone.abort(exit)
    await readToTheEnd()
    replica.exit = record
    emit({ type: 'replica-exited', atMs, replica: name, exit: record })
    return record
  }

  /** A process that left the group (setsid) can keep the pipes open for ever; nobody waits for that one. */
  async function readToTheEnd(): Promise<void> {
    const timer = setTimeout(() => [stdout, stderr].forEach((pipe) => pipe?.destroy()), 500)
    await output.ended
    clearTimeout(timer)
  }

  function watch(probe: ProbeChange['probe'], target: HttpTarget, onAnswer: (answer: ProbeAnswer) => void): void {
    void watchProbe({
      url: `http://127.0.0.1:${target.port === 'app' ? port : probePort}${target.path}`,
      periodMs: options.probes.periodMs,
      timeoutMs: options.probes.timeoutMs,
      signal: gone.signal,
      onAnswer(answer, isChange) {
        if (isChange) {
          const change: ProbeChange = { probe, atMs: elapsedMs(), ...answer }
          probes.push(change)
          emit({ type: 'probe-changed', atMs: change.atMs, replica: name, change })
        }
        onAnswer(answer)
      },
    })
  }

  function notReady(what: string): RehearsalError {
    const last = output.lines.slice(-20).map((line) => `  ${line.text}`)
    const answer = probes.findLast((change) => change.probe === 'readiness')
    const readiness = `Its last readiness answer (${replica.urlOf(options.probes.readiness.port)}${options.probes.readiness.path}): ${answer?.status ?? answer?.error ?? 'none'}.`
    const written = last.length === 0 ? 'It wrote nothing.' : `Its last lines:\n${last.join('\n')}`
    return new RehearsalError('replica-not-ready', `replica ${name} (${options.command.join(' ')}) ${what}. ${readiness} ${written}`, { replica: name })
  }
}

function describe(exit: GroupExit): string {
  if (exit.error !== undefined) return exit.error.message
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`
}
