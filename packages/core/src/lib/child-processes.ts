import { LifecycleError, show } from './errors.ts'
import type { DrainContext, Phase, Resource } from './resource.ts'

/** The part of `node:child_process`'s ChildProcess that is used. */
export interface ChildLike {
  readonly pid?: number | undefined
  readonly exitCode: number | null
  readonly signalCode: string | null
  kill(signal: NodeJS.Signals): boolean
  once(event: 'exit', listener: () => void): unknown
}

/** The part of `node:cluster`'s primary that is used. */
export interface ClusterLike {
  readonly isPrimary: boolean
  readonly workers?: Readonly<Record<string, { readonly process: ChildLike } | undefined>> | undefined
  on(event: 'fork', listener: (worker: { readonly process: ChildLike }) => void): unknown
}

export interface ChildProcessOptions {
  /** @default 'child-process', or 'cluster-workers' */
  readonly name?: string
  /** @default 'intake' */
  readonly phase?: Phase
  /** What asks a child to leave. @default 'SIGTERM' */
  readonly signal?: NodeJS.Signals
}

/**
 * A child process: told to leave in the tick in which the stop begins, waited for, and killed when its time is over. The
 * platform signals the main process alone, and a container's other processes die with it. A child that did not
 * exit with code 0 makes the step fail. The child is yours: nothing restarts it.
 *
 * Its own grace period must be shorter than this process's, by what comes after it here.
 */
export function childProcess(child: ChildLike, options: ChildProcessOptions = {}): Resource {
  if (typeof child?.kill !== 'function') {
    throw new LifecycleError('invalid-option', `childProcess() takes what spawn() or fork() returned; it was given ${show(child)}`)
  }
  return leavingChildren(() => [child], { name: 'child-process', ...options })
}

/**
 * All workers of a cluster's primary, those included that are forked after the signal; otherwise like {@link childProcess}. Each worker
 * binds a lifecycle of its own.
 *
 * @throws LifecycleError `invalid-option` in a worker.
 */
export function clusterWorkers(cluster: ClusterLike, options: ChildProcessOptions = {}): Resource {
  if (cluster?.isPrimary !== true) {
    throw new LifecycleError('invalid-option', 'clusterWorkers() is for the primary process, which is where cluster.isPrimary is true; a worker binds its own lifecycle')
  }
  const all = (): ChildLike[] => Object.values(cluster.workers ?? {}).flatMap((worker) => (worker ? [worker.process] : []))
  const resource = leavingChildren(all, { name: 'cluster-workers', ...options })
  return {
    ...resource,
    quiesce(context) {
      // Code that replaces a worker that has exited would keep the service alive for ever.
      cluster.on('fork', (worker) => worker.process.kill(options.signal ?? 'SIGTERM'))
      resource.quiesce?.(context)
    },
  }
}

function leavingChildren(all: () => readonly ChildLike[], { name, phase = 'intake', signal = 'SIGTERM' }: ChildProcessOptions & { name: string }): Resource {
  /** Those that were told to leave: a cluster forgets a worker that has exited. */
  const told = new Set<ChildLike>()
  const alive = (): ChildLike[] => [...new Set([...told, ...all()])].filter(isAlive)

  return {
    name,
    phase,
    drainFrom: 'signal',
    quiesce: tellAll,
    inFlight: () => alive().length,
    waitingFor: () => alive().map((child) => `process ${child.pid}`),
    async drain({ signal: cut }: DrainContext) {
      // Also without a quiesce, which only a stop calls.
      tellAll()
      while (alive().length > 0 && !cut.aborted) {
        await Promise.all(alive().map((child) => new Promise<void>((resolve) => child.once('exit', () => resolve()))))
      }
      const failed = [...told].filter((child) => !isAlive(child)).flatMap(howItFailed)
      if (failed.length > 0) throw new Error(failed.join('; '))
    },
    async force() {
      const left = alive()
      const gone = left.map((child) => new Promise<void>((resolve) => child.once('exit', () => resolve())))
      for (const child of left) child.kill('SIGKILL')
      await Promise.all(gone)
    },
  }

  function tellAll(): void {
    for (const child of all()) {
      if (told.has(child) || !isAlive(child)) continue
      told.add(child)
      child.kill(signal)
    }
  }
}

function isAlive(child: ChildLike): boolean {
  return child.exitCode === null && child.signalCode === null
}

function howItFailed({ pid, exitCode, signalCode }: ChildLike): string[] {
  if (exitCode === 0) return []
  return [signalCode === null ? `process ${pid} exited with code ${exitCode}` : `process ${pid} was ended by ${signalCode} without a handler of its own for it`]
}
