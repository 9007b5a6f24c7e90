import type { Server, ServerName } from './server.ts'

/** How to tell that a server answers. */
export interface Answering {
  readonly name: Server['name']
  readonly title: string
  url(host: string, port: number): string
  /** Resolves with the server's version (empty if it does not tell) when it answers; rejects when it does not. */
  check(url: string): Promise<string>
  /** Whether what `check` threw shows a server that runs and wants a password, which is no concern of its start. */
  isRefusal?(error: unknown): boolean
}

/** Everything that is particular to one kind of server. */
export interface Recipe extends Answering {
  readonly name: ServerName
  /** The environment variable in which a user names a server of their own. */
  readonly variable: string
  /** The two easiest remedies, as the end of a sentence. */
  readonly remedies: string
  readonly image: ContainerImage
  /** The program as this machine has it. */
  find(context: Context): Promise<Program | undefined>
  /** Fetches it; throws `Unavailable` when that is not possible. */
  install(context: Context): Promise<Program>
}

/** What a recipe may use while it looks for its program. */
export interface Context {
  readonly env: NodeJS.ProcessEnv
  readonly cacheFolder: string
  readonly onProgress: (text: string) => void
}

/** A server program that was found. */
export interface Program {
  /** `PostgreSQL 15.18 from /usr/lib/postgresql/15/bin`. */
  readonly detail: string
  /** Makes the folder ready for a first start, and says how to start. */
  prepare(place: Place): Promise<Launch>
}

/** A fresh temporary folder and a free port, both for one server. */
export interface Place {
  readonly folder: string
  readonly port: number
  /** Further arguments of the server program. */
  readonly args: readonly string[]
  /** Runs a program to its end; it dies with this process. Throws `Unavailable` if its exit code is not 0. */
  readonly run: (launch: Launch) => Promise<void>
}

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** How it is ended when it is no longer needed. The data are thrown away, so the quickest way that leaves nothing behind. */
  readonly stopSignal: 'SIGKILL' | 'SIGQUIT'
  /** Account for a program that refuses to run as root. */
  readonly uid?: number
  readonly gid?: number
}

export interface ContainerImage {
  readonly image: string
  /** The port inside the container. */
  readonly port: number
  /** `host` and `port` are those a client on this machine will use. */
  environment(host: string, port: number, args: readonly string[]): Record<string, string>
  command(args: readonly string[]): string[]
}
