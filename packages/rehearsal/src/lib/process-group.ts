import { spawn, type ChildProcess } from 'node:child_process'

/** A child that leads its own process group, so that nothing it starts can outlive it. */
export interface ProcessGroup {
  readonly child: ChildProcess
  /** Settles when the leader has exited and the rest of the group was killed, as the kernel does when PID 1 of a container exits. */
  readonly exited: Promise<GroupExit>
  /** SIGKILL to everything in the group. */
  kill(): void
}

export interface GroupExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** It could not be started at all. */
  readonly error: Error | undefined
}

export interface ProcessGroupOptions {
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** Opens an IPC channel. */
  readonly ipc?: boolean
}

export function startProcessGroup(options: ProcessGroupOptions): ProcessGroup {
  const [program, ...args] = options.command
  // Its own group also keeps a Ctrl-C in the terminal away from it: only the rehearsal signals it.
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: options.ipc === true ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  })
  let hasExited = false
  const exited = new Promise<GroupExit>((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error })
    })
    child.once('exit', (code, signal) => {
      kill()
      hasExited = true
      resolve({ code, signal, error: undefined })
    })
  })
  return { child, exited, kill }

  function kill(): void {
    // Once the group is gone its number may belong to somebody else.
    if (child.pid === undefined || hasExited) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The group is empty already.
    }
  }
}
