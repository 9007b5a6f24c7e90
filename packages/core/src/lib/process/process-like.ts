/** The part of `process` that {@link bindProcess} uses, so that a test can pass its own. */
export interface ProcessLike {
  exitCode?: number | string | null | undefined
  readonly pid: number
  readonly ppid: number
  readonly env: NodeJS.ProcessEnv
  readonly stdin: { readonly isTTY?: boolean }
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  on(event: string, listener: (...parameters: unknown[]) => void): unknown
  prependListener(event: string, listener: (...parameters: unknown[]) => void): unknown
  once(event: string, listener: (...parameters: unknown[]) => void): unknown
  off(event: string, listener: (...parameters: unknown[]) => void): unknown
  listeners(event: string): readonly unknown[]
  /** The same, with what stands in for a listener in place of it. */
  rawListeners(event: string): readonly unknown[]
  /** Where the process has a parent that it can talk to. */
  send?(message: unknown, handle?: undefined, options?: undefined, onSent?: () => void): unknown
  readonly connected?: boolean
  exit(code: number): void
  kill?(pid: number, signal?: string | number): unknown
  hasUncaughtExceptionCaptureCallback?(): boolean
  // Of the real process alone: what `exit` looks at where libuv's pool may hold it up.
  getActiveResourcesInfo?(): readonly string[]
  emit?(event: 'exit', code: number): unknown
  execve?(file: string, parameters: readonly string[], env: NodeJS.ProcessEnv): unknown
}
