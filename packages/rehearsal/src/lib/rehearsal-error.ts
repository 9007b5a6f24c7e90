/**
 * Why a rehearsal had no result:
 * `replica-not-ready` (a replica exited or stayed not-ready) · `load-failed` (the client script threw, or the
 * load process died) · `interrupted` (the abort signal, or a signal to the owning process).
 */
export type RehearsalErrorCode = 'replica-not-ready' | 'load-failed' | 'interrupted'

/** What {@link rehearse} rejects with once it has begun, after it has stopped everything it started. */
export class RehearsalError extends Error {
  override readonly name = 'RehearsalError'
  readonly code: RehearsalErrorCode
  /** Name of the replica it is about, if any. */
  readonly replica: string | undefined

  constructor(code: RehearsalErrorCode, message: string, options: { replica?: string; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.replica = options.replica
  }
}
