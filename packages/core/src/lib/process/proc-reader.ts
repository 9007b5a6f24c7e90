import { readFileSync, readlinkSync } from 'node:fs'
import { isatty } from 'node:tty'

/** What there is to know about the processes above this one; {@link systemProc} is the real one. */
export interface ProcReader {
  readonly ppid: number
  readonly env: NodeJS.ProcessEnv
  /** Whether a terminal is there: its Ctrl-C reaches every process, and whoever sits at it sees what happens. */
  readonly isInteractive: boolean
  /** A file's content, or nothing where it cannot be read. */
  read(path: string): string | undefined
  /** Where a symbolic link leads, or nothing where it cannot be read: those of a process are for its own user. */
  readlink(path: string): string | undefined
}

/** The real process. Without a procfs (macOS), or with one that hides the processes of others, nothing can be read. */
export function systemProc(): ProcReader {
  const read = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8'))
  return {
    ppid: process.ppid,
    env: process.env,
    get isInteractive() {
      return isatty(0) || hasTerminal(read('/proc/self/stat') ?? '')
    },
    read,
    readlink: (path) => attempt(() => readlinkSync(path)),
  }
}

/** Field 7, the controlling terminal, is 0 without one (proc_pid_stat(5)). The program's name before it may hold spaces and parentheses. */
function hasTerminal(stat: string): boolean {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[4] ?? 0) !== 0
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
