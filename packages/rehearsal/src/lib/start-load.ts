import { fileURLToPath } from 'node:url'
import { createDeferred } from './deferred.ts'
import type { LoadCommand, LoadMessage, Loss } from './load-message.ts'
import { readOutput } from './output.ts'
import { startProcessGroup } from './process-group.ts'
import { RehearsalError } from './rehearsal-error.ts'
import type { LoadCounts } from './rehearsal-event.ts'
import type { OutputLine } from './rehearsal-options.ts'
import type { LoadResult } from './rehearsal.ts'
import type { ResolvedLoad } from './resolve-options.ts'

/** What a stop may take beyond the longest request: a script's session may hold several requests. */
const stopMarginMs = 20_000

export interface LoadStart {
  readonly load: ResolvedLoad
  readonly port: number
  readonly seed: number
  readonly elapsedMs: () => number
  readonly onCounts: (counts: LoadCounts) => void
  readonly onLoss: (loss: Loss) => void
  readonly onOutput: (line: OutputLine) => void
  /** The script threw, or the process died. */
  readonly onFailure: (error: RehearsalError) => void
}

export interface Load {
  /** Settles when the script is imported and the clients run. */
  readonly running: Promise<void>
  /** Settles with the totals when what was in flight has ended. Bounded. */
  stop(): Promise<Omit<LoadResult, 'failures'>>
  kill(): void
  readonly exited: Promise<unknown>
}

/** Starts the process that all clients live in. */
export function startLoad(start: LoadStart): Load {
  const group = startProcessGroup({ command: [process.execPath, loadProgram()], cwd: process.cwd(), env: process.env, ipc: true })
  const { stdout, stderr } = group.child
  if (stdout === null || stderr === null) throw new Error('the load process was started without pipes')
  const output = readOutput({ stdout, stderr, elapsedMs: start.elapsedMs, onLine: start.onOutput })
  const running = createDeferred<void>()
  const done = createDeferred<Omit<LoadResult, 'failures'>>()
  let isDone = false

  group.child.on('message', (message: LoadMessage | null) => {
    // A script or its library may send something of its own.
    if (message === null) return
    switch (message.type) {
      case 'loaded':
        return running.resolve()
      case 'counted':
        return start.onCounts(message.counts)
      case 'lost':
        return start.onLoss(message.loss)
      case 'failed':
        return fail(`the client script failed: ${message.message}`)
      case 'done':
        isDone = true
        return done.resolve(message.result)
    }
  })
  void group.exited.then(async (exit) => {
    await output.ended
    if (!isDone) fail(`the load process ended (${exit.error?.message ?? exit.signal ?? `exit code ${exit.code}`}). ${output.lines.map((line) => line.text).join('\n')}`)
  })
  send({ type: 'start', host: '127.0.0.1', port: start.port, seed: start.seed, load: start.load })

  return {
    running: running.promise,
    async stop() {
      send({ type: 'stop' })
      const timer = setTimeout(() => fail('the clients did not end: a session of the script never settles'), start.load.timeoutMs + stopMarginMs)
      try {
        return await done.promise
      } finally {
        clearTimeout(timer)
      }
    },
    kill: () => group.kill(),
    exited: group.exited,
  }

  function send(command: LoadCommand): void {
    if (group.child.connected) group.child.send(command)
  }

  function fail(message: string): void {
    const error = new RehearsalError('load-failed', message)
    running.reject(error)
    done.reject(error)
    start.onFailure(error)
  }
}

/** Node 20 cannot run TypeScript: when this file runs from source (tests), the process runs from the build. */
function loadProgram(): string {
  const program = fileURLToPath(new URL('./load-process.js', import.meta.url))
  return program.replace(/([/\\])src([/\\]lib[/\\]load-process\.js)$/, '$1dist$2')
}
