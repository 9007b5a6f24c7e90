import { readInput, type Input } from './input.ts'

/** Runs one input to its end. What throws, rejects or is left unhandled is broken, and so is what never ends. */
export function createAttempt(live: (input: Input) => Promise<string | undefined> | string | undefined, limitMs: number): (bytes: Uint8Array) => Promise<string | undefined> {
  let stray: string | undefined
  const note = (error: unknown): void => void (stray ??= `an uncaught error: ${textOf(error)}`)
  process.on('uncaughtException', note)
  // A listener that throws is a warning each time.
  process.emitWarning = () => {}
  return async (bytes) => {
    stray = undefined
    let timer: NodeJS.Timeout | undefined
    const tooLong = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`it has not ended within ${limitMs} ms`), limitMs)
    })
    try {
      const broken = await Promise.race([live(readInput(bytes)), tooLong])
      return broken ?? stray
    } catch (error) {
      return textOf(error)
    } finally {
      clearTimeout(timer)
    }
  }
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  } catch {
    return 'something that cannot be shown'
  }
}
