import type { endAnyhow, Internals, Load } from './end-anyhow.ts'
import type { writeTerminationMessage } from './write-termination-message.ts'

/** What the thread is given when it starts. */
export interface WatchdogThreadData {
  readonly exitCode: number
  /** Numbers of the signals that begin a stop, by name. */
  readonly signals: Readonly<Partial<Record<NodeJS.Signals, number>>>
  readonly signalBudgetMs: number
  readonly forgetMs: number
  readonly terminationMessagePath: string | undefined
  /** Whether the permission model allows it. The thread cannot tell, and connecting without permission aborts the process natively. */
  readonly mayInspect: boolean
  /** Node's own program, if the process may become it once more. */
  readonly node: string | undefined
  /** Text of the second thread's program: it sends a message when it runs, and reads `exitCode`, `node` and `afterMs` from its `workerData`. */
  readonly guard: string
}

/** From the main thread. Times are ms of `process.hrtime`, the one clock that all threads share. */
export type WatchdogOrder =
  | { readonly kind: 'arm'; readonly atMs: number }
  | { readonly kind: 'expect-signal'; readonly atMs: number }
  | { readonly kind: 'tell'; readonly progress: string }

/** To the main thread: a signal has come. */
export interface SignalSeen {
  readonly signal: NodeJS.Signals
  readonly atMs: number
}

/** Node has it unless it runs with `--jitless`; its types come with the DOM's only. */
interface WithWebAssembly {
  readonly WebAssembly: { readonly Module: new (bytes: Uint8Array) => object; readonly Instance: new (module: object, imports: object) => object }
}

/**
 * The program of the watchdog's thread. It runs from its text, so that bundlers cannot lose its file and no loader is
 * needed: it refers to nothing outside itself.
 *
 * The main thread's stack comes from `Runtime.evaluate` of `new Error().stack`: an inspector message interrupts the
 * running JavaScript, a waiting `Atomics.wait` and a regular expression. It took 1 to 9 ms where pausing by the
 * debugger took 16 to 76, and 100 to 600 with 5,000 scripts loaded. Other native code (a synchronous child process,
 * `JSON.parse`) does not answer.
 *
 * It has two ways to end the process with a code of its choice, whatever the main thread does and as PID 1 too: see
 * {@link endAnyhow} for the first. The other is public: `proc_exit` of `node:wasi`, which calls exit(3). That joins the
 * threads of libuv's pool, where one that waits in `open` or in `getaddrinfo` holds it up, hence the guard; and with
 * `crypto` at work in the pool it crashed in 12 of 12 runs (exit code 139).
 */
export function watchdogThread(data: WatchdogThreadData, load: Load, write: typeof writeTerminationMessage, end: typeof endAnyhow): void {
  const fs = process.getBuiltinModule('node:fs')
  const { Worker, parentPort } = process.getBuiltinModule('node:worker_threads')
  let deadlineMs = Infinity
  let timer: NodeJS.Timeout | undefined
  let signalDeadlineMs = Infinity
  let isMainFree = false
  let progress = '{}'

  listenToSignals()
  parentPort?.on('message', (order: WatchdogOrder) => {
    if (order.kind === 'arm') {
      // The main thread is free, and knows better than what was reckoned here from the signal.
      isMainFree = true
      deadlineMs = Infinity
      arm(order.atMs)
    } else if (order.kind === 'expect-signal') {
      signalDeadlineMs = order.atMs
    } else {
      progress = order.progress
    }
  })

  function nowMs(): number {
    return Number(process.hrtime.bigint()) / 1e6
  }

  function arm(atMs: number): void {
    if (atMs >= deadlineMs) return
    deadlineMs = atMs
    wait()
  }

  function wait(): void {
    clearTimeout(timer)
    const leftMs = deadlineMs - nowMs()
    if (leftMs <= 0) fire()
    else timer = setTimeout(wait, Math.min(Math.ceil(leftMs), 2 ** 31 - 1))
  }

  /** Workers get no signals by any public way. Where this one is missing, only what the main thread saw counts. */
  function listenToSignals(): void {
    try {
      const { Signal } = (load('internal/test/binding') as Internals).internalBinding('signal_wrap')
      for (const [signal, number] of Object.entries(data.signals)) {
        const handle = new Signal()
        handle.onsignal = () => {
          const atMs = nowMs()
          parentPort?.postMessage({ signal: signal as NodeJS.Signals, atMs } satisfies SignalSeen)
          if (isMainFree) return
          const knownMs = atMs > signalDeadlineMs + data.forgetMs ? Infinity : signalDeadlineMs
          // Time for the main thread to tell what it knows better.
          arm(Math.max(atMs + 500, Math.min(atMs + data.signalBudgetMs, knownMs)))
        }
        handle.start(number)
      }
    } catch {
      // The main thread arms the watchdog as soon as it is free.
    }
  }

  function fire(): void {
    // First without a stack: everything after this line may fail, and near the memory limit the guard may cost the process.
    record([])
    let waitingFor = 2
    let stack: string[] | undefined
    let debugged = false
    let bound: NodeJS.Timeout | undefined = setTimeout(finish, 250)
    startGuard(arrive)
    readStack((frames, inspectorIsOpen) => {
      stack = frames
      debugged = inspectorIsOpen
      arrive()
    })

    function arrive(): void {
      waitingFor -= 1
      if (waitingFor === 0) finish()
    }

    function finish(): void {
      if (bound === undefined) return
      clearTimeout(bound)
      bound = undefined
      if (stack?.length) record(stack)
      say(describe(stack, debugged))
      end(load, data.exitCode, data.node, exitByWasi)
    }
  }

  /**
   * Ends the process if this thread hangs: in exit(3), or in a write to a blocking pipe that nobody reads. It must have
   * started by then: exit(3) beside a thread that starts crashed in 3 of 20 runs.
   */
  function startGuard(onReady: () => void): void {
    try {
      const guard = new Worker(data.guard, {
        eval: true,
        env: {},
        execArgv: ['--expose-internals', '--no-warnings'],
        workerData: { exitCode: data.exitCode, node: data.node, afterMs: 500 },
      })
      guard.once('message', onReady)
      guard.once('error', onReady)
    } catch {
      onReady()
    }
  }

  /** Answers with the frames, none of them when the event loop was free; or never. */
  function readStack(onStack: (frames: string[], inspectorIsOpen: boolean) => void): void {
    const expression =
      '(() => { Error.stackTraceLimit = 30; const url = process.getBuiltinModule("inspector").url();' +
      ' const { uvMetricsInfo } = process.getBuiltinModule("perf_hooks").performance.nodeTiming;' +
      ' return JSON.stringify([url !== undefined, String(new Error().stack), uvMetricsInfo.loopCount]) })()'
    if (!data.mayInspect) return
    try {
      const session = new (process.getBuiltinModule('node:inspector').Session)()
      session.connectToMainThread()
      const ask = (onAnswer: (inspectorIsOpen: boolean, frames: string[], loopCount: number) => void): void =>
        session.post('Runtime.evaluate', { expression, silent: true }, (error, answer) => {
          const value: unknown = answer?.result?.value
          if (error || typeof value !== 'string') return
          const [inspectorIsOpen, stack, loopCount] = JSON.parse(value) as [boolean, string, number]
          const frames = stack.split('\n').flatMap((line) => /^\s+at (?!<anonymous>:1:)(.+)$/.exec(line)?.[1] ?? [])
          onAnswer(inspectorIsOpen, frames.filter((frame) => !frame.includes('node:internal/')).map((frame) => frame.slice(0, 300)), loopCount)
        })
      ask((inspectorIsOpen, frames, loopCount) => {
        if (frames.length > 0) return onStack(frames, inspectorIsOpen)
        // Between two promises there is no frame of anybody's. Where the loop is free each question costs it a turn.
        const compare = (_isOpen: boolean, later: string[], laterCount: number): void =>
          onStack(later.length === 0 && laterCount === loopCount ? ['between promises or ticks that follow one another without end'] : later, inspectorIsOpen)
        setTimeout(() => ask(compare), 20)
      })
    } catch {
      // Denied by the permission model.
    }
  }

  function told(): Record<string, unknown> {
    try {
      return { ...(JSON.parse(progress) as Record<string, unknown>) }
    } catch {
      return {}
    }
  }

  /** As much of the stack as fits: what was told comes from a writer that keeps to its own bound. */
  function record(stack: readonly string[]): void {
    if (data.terminationMessagePath === undefined) return
    const { result: _result, exitCode: _exitCode, stack: _stack, ...rest } = told()
    for (const tail of [rest, {}]) {
      for (let frames = Math.min(stack.length, 10); frames >= 0; frames -= 1) {
        const message = JSON.stringify({ result: 'stalled', exitCode: data.exitCode, stack: stack.slice(0, frames), ...tail })
        if (Buffer.byteLength(message) <= 4_096) return void write(fs, data.terminationMessagePath, message)
      }
    }
  }

  function describe(stack: readonly string[] | undefined, debugged: boolean): string {
    const { running } = told()
    const names = Array.isArray(running) ? running.map((name) => JSON.stringify(name)) : []
    const steps = names.length === 0 ? '' : names.length === 1 ? `; step ${names[0]} was running` : `; steps ${names.join(', ')} were running`
    const debuggerHint = debugged ? '; the inspector is open, so a debugger may have paused it' : ''
    if (stack?.length === 0) return `the process had not ended at the deadline, but its event loop was not blocked${steps}${debuggerHint}`
    const where = stack ? stack.slice(0, 6).join(' ← ') : 'in native code, or its stack may not be read'
    return `the event loop was blocked at the deadline${steps}; main thread: ${where}${debuggerHint}`
  }

  /** Not by `process.stderr`, which a worker sends through the main thread. */
  function say(text: string): void {
    let left = Buffer.from(`lameduck: ${text}\n`)
    for (let attempt = 0; attempt < 20 && left.length > 0; attempt += 1) {
      try {
        left = left.subarray(fs.writeSync(2, left))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      }
    }
  }

  /** A WebAssembly module whose start calls `proc_exit` with the code (as signed LEB128 of two bytes). */
  function exitByWasi(): void {
    const { WASI } = process.getBuiltinModule('node:wasi')
    const { WebAssembly } = globalThis as unknown as WithWebAssembly
    const wasi = new WASI({ version: 'preview1', returnOnExit: false })
    const name = (text: string): number[] => [text.length, ...Buffer.from(text)]
    const section = (id: number, body: number[]): number[] => [id, body.length, ...body]
    const header = [0, 97, 115, 109, 1, 0, 0, 0]
    const bytes = [
      ...header,
      ...section(1, [2, 96, 1, 127, 0, 96, 0, 0]),
      ...section(2, [1, ...name('wasi_snapshot_preview1'), ...name('proc_exit'), 0, 0]),
      ...section(3, [1, 1]),
      ...section(5, [1, 0, 1]),
      ...section(7, [2, ...name('memory'), 2, 0, ...name('_start'), 0, 1]),
      ...section(10, [1, 7, 0, 65, (data.exitCode & 127) | 128, data.exitCode >> 7, 16, 0, 11]),
    ]
    wasi.start(new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)), { wasi_snapshot_preview1: wasi.wasiImport }))
  }
}
