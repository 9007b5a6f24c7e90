import { LifecycleError, show } from '../errors.ts'
import { orAborted } from '../or-aborted.ts'
import { requireOptions, type OptionNames } from '../require-options.ts'
import type { Phase, Resource } from '../resource.ts'
import { createTally } from '../work/tally.ts'

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
  on(event: 'fork' | 'exit', listener: (worker: { readonly process: ChildLike }) => void): unknown
}

export interface ChildProcessOptions {
  /** @default 'child-process', or 'cluster-workers' */
  readonly name?: string
  /**
   * `intake`: told to leave at the signal, or as soon as what needs it has stopped. Another: when its own step comes, for a child that works
   * for requests or jobs of this process.
   *
   * @default 'intake'
   */
  readonly phase?: Phase
  /** What asks a child to leave. @default 'SIGTERM' */
  readonly signal?: NodeJS.Signals
}

const names: OptionNames<ChildProcessOptions> = { name: true, phase: true, signal: true }

/**
 * A child process: told to leave in the tick in which the stop begins, waited for, and killed when its time is over. One on which others count
 * while they finish is told later: give it a later `phase`, or let them need it. The
 * platform signals the main process alone, and a container's other processes die with it. A child that did not
 * exit with code 0 makes the step fail. The child is yours: nothing restarts it, and one that ends by itself with another code has
 * died for good (`whenEnded`).
 *
 * Its own grace period must be shorter than this process's, by what comes after it here.
 */
export function childProcess(child: ChildLike, options: ChildProcessOptions = {}): Resource {
  if (typeof child?.kill !== 'function') {
    throw new LifecycleError('invalid-option', `childProcess() takes what spawn() or fork() returned; it was given ${show(child)}`)
  }
  requireOptions(options, names, 'childProcess()')
  const resource = leavingChildren(() => [child], { name: 'child-process', ...options })
  return {
    ...resource,
    watch(ended) {
      child.once('exit', () => {
        const how = howItFailed(child, undefined)
        if (how !== undefined) ended(`process ${child.pid} ${how}`)
      })
    },
  }
}

/**
 * All workers of a cluster's primary; otherwise like {@link childProcess}. Each worker binds a lifecycle of its own. One that
 * is forked after they were told, by code that replaces every worker that has exited, is killed: it would outlive the others. When no worker is
 * left before the signal, the service has lost them for good (`whenEnded`).
 *
 * @throws LifecycleError `invalid-option` in a worker.
 */
export function clusterWorkers(cluster: ClusterLike, options: ChildProcessOptions = {}): Resource {
  if (cluster?.isPrimary !== true) {
    throw new LifecycleError('invalid-option', 'clusterWorkers() is for the primary process, which is where cluster.isPrimary is true; a worker binds its own lifecycle')
  }
  requireOptions(options, names, 'clusterWorkers()')
  const all = (): ChildLike[] => Object.values(cluster.workers ?? {}).flatMap((worker) => (worker ? [worker.process] : []))
  const onFork = (listener: (child: ChildLike) => void): void => void cluster.on('fork', (worker) => listener(worker.process))
  const resource = leavingChildren(all, { name: 'cluster-workers', ...options }, onFork)
  return {
    ...resource,
    watch(ended) {
      // A turn later, for whoever replaces a worker does so when it hears of its end.
      cluster.on('exit', () => void setImmediate(() => all().some(isAlive) || ended('no worker is left')))
    },
  }
}

/** @param onFork where others may come in the stop: calls back for each */
function leavingChildren(all: () => readonly ChildLike[], { name, phase = 'intake', signal = 'SIGTERM' }: ChildProcessOptions & { name: string }, onFork?: (listener: (child: ChildLike) => void) => void): Resource {
  /** Those that were alive when the stop began, or have come since: one that ends by itself before it is told belongs to the stop as well. */
  let atStop: ChildLike[] | undefined
  /** With those that have come since, once all are told. */
  let leaving: readonly ChildLike[] | undefined
  const alive = (): ChildLike[] => (leaving ?? all()).filter(isAlive)
  const tally = createTally()
  const counted = new Set<ChildLike>()

  return {
    name,
    phase,
    drainFrom: phase === 'intake' ? 'signal' : 'phase',
    quiesce: () => void begin(),
    inFlight: () => alive().length,
    waitingFor: () => alive().map((child) => `process ${child.pid}`),
    tally: tally.read,
    async drain({ signal: cut }) {
      await orAborted(Promise.all(tell().map((child) => exited(child).then(() => count(child)))), cut)
    },
    async force() {
      const left = alive()
      for (const child of left) {
        if (!counted.has(child)) tally.cut()
        counted.add(child)
        child.kill('SIGKILL')
      }
      await Promise.all(left.map(exited))
    },
  }

  function begin(): ChildLike[] {
    if (atStop) return atStop
    const since = alive()
    atStop = since
    tally.begin()
    for (const child of since) child.once('exit', () => count(child))
    onFork?.((child) => {
      if (leaving) return void child.kill('SIGKILL')
      since.push(child)
      child.once('exit', () => count(child))
    })
    return since
  }

  /** Each once, however often the drain is called, and not what was cut. */
  function count(child: ChildLike): void {
    if (counted.has(child)) return
    counted.add(child)
    const how = howItFailed(child, signal)
    if (how === undefined) tally.done()
    else tally.failed(`process ${child.pid}`, how)
  }

  function tell(): readonly ChildLike[] {
    if (leaving) return leaving
    const since = begin()
    const told = alive()
    leaving = [...new Set([...since, ...told])]
    for (const child of told) child.kill(signal)
    return leaving
  }
}

function exited(child: ChildLike): Promise<void> {
  return isAlive(child) ? new Promise((resolve) => child.once('exit', () => resolve())) : Promise.resolve()
}

function isAlive(child: ChildLike): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** Nothing for one that exited with 0. */
function howItFailed({ exitCode, signalCode }: ChildLike, told: NodeJS.Signals | undefined): string | undefined {
  if (exitCode === 0) return undefined
  if (signalCode === null) return `exited with code ${exitCode}`
  return `was ended by ${signalCode}${signalCode === told ? ', for which it has no listener: bind a lifecycle in the child, or let it exit with 0 on that signal' : ''}`
}
