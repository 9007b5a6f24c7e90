import { createDeferred } from './deferred.ts'
import { RehearsalError } from './rehearsal-error.ts'

/** What ends a rehearsal early, whatever it is doing, and what must be gone whenever it ends. */
export interface Guard {
  /** Aborts with a {@link RehearsalError} when the rehearsal must not go on, and when it is over. */
  readonly signal: AbortSignal
  /** Rejects with the same error. */
  readonly interrupted: Promise<never>
  /** Ends the rehearsal with this error. */
  interrupt(error: RehearsalError): void
  /** Calls the user's listener; one that throws ends the rehearsal. */
  attempt(listener: string, call: () => void): void
  /** To be killed if this process exits without coming back to {@link rehearse}. */
  protect(kill: () => void): void
  /** Takes the handlers off this process again. If a signal came that nobody else handles, the process then dies by it. */
  release(): void
}

const ownerSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function createGuard(userSignal: AbortSignal | undefined): Guard {
  const controller = new AbortController()
  const kills: (() => void)[] = []
  let died: NodeJS.Signals | undefined

  const interrupted = createDeferred<never>()

  process.on('exit', killAll)
  for (const signal of ownerSignals) process.on(signal, onOwnerSignal)
  userSignal?.addEventListener('abort', onUserAbort, { once: true })
  if (userSignal?.aborted === true) onUserAbort()

  return {
    signal: controller.signal,
    interrupted: interrupted.promise,
    interrupt,
    attempt(listener, call) {
      try {
        call()
      } catch (error) {
        interrupt(new RehearsalError('interrupted', `${listener} threw: ${String(error)}`, { cause: error }))
      }
    },
    protect: (kill) => kills.push(kill),
    release() {
      interrupt(new RehearsalError('interrupted', 'the rehearsal is over'))
      process.off('exit', killAll)
      for (const signal of ownerSignals) process.off(signal, onOwnerSignal)
      userSignal?.removeEventListener('abort', onUserAbort)
      if (died !== undefined && process.listenerCount(died) === 0) process.kill(process.pid, died)
    },
  }

  function interrupt(error: RehearsalError): void {
    if (controller.signal.aborted) return
    controller.abort(error)
    interrupted.reject(error)
  }

  function onOwnerSignal(signal: NodeJS.Signals): void {
    died = signal
    interrupt(new RehearsalError('interrupted', `the rehearsing process got ${signal}`))
  }

  function onUserAbort(): void {
    interrupt(new RehearsalError('interrupted', 'the rehearsal was aborted', { cause: userSignal?.reason }))
  }

  function killAll(): void {
    for (const kill of kills) kill()
  }
}
