/** `require` of the thread, with `--expose-internals`. */
export type Load = (id: string) => unknown

/** `internal/test/binding`: the parts of Node's own modules that the watchdog's threads use where they exist. */
export interface Internals {
  internalBinding(name: string): Binding
}

/** What `internalBinding` returns: `signal_wrap` has the first member, `process_methods` the others. */
export interface Binding {
  readonly Signal: new () => { onsignal: () => void; start(signal: number): number }
  execve(file: string, argv: readonly string[], env: readonly string[]): void
  causeSegfault(): void
}

/**
 * Ends the process from a worker. First by becoming another Node that exits with the code, if its path is given (Node 22.15 and
 * later): the system then ends every thread at once, and waits for none. It needs no shell, which many images have not got. Then by `exit`, if given. Then by SIGKILL,
 * exit code 137, which PID 1 of a namespace cannot send itself; a fault works there too, exit code 139.
 *
 * Self-contained, so that its text runs in the watchdog's threads.
 */
export function endAnyhow(load: Load, exitCode: number, node: string | undefined, exit?: () => void): void {
  let methods: Binding | undefined
  try {
    methods = (load('internal/test/binding') as Internals).internalBinding('process_methods')
    if (node !== undefined) methods.execve(node, [node, '-e', `process.exit(${exitCode})`], [])
  } catch {
    // An older Node.
  }
  try {
    exit?.()
  } catch {
    // No WebAssembly, or no WASI.
  }
  process.kill(process.pid, 'SIGKILL')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  methods?.causeSegfault()
}
