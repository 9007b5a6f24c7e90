export interface Unhandled {
  /** What nobody handled since the last call, once what was raised in this turn has come up. */
  take(): Promise<readonly string[]>
  end(): void
}

/** Collects rejections and errors that nobody handles, which end a process that has no listener for them. */
export function collectUnhandled(): Unhandled {
  const unhandled: string[] = []
  const onError = (error: unknown): void => void unhandled.push(String(error))
  process.on('unhandledRejection', onError)
  process.on('uncaughtException', onError)
  return {
    async take() {
      await new Promise(setImmediate)
      return unhandled.splice(0)
    },
    end() {
      process.off('unhandledRejection', onError)
      process.off('uncaughtException', onError)
    },
  }
}
