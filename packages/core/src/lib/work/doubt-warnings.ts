import type { Resource } from '../resource.ts'
import { mostReasons } from './reason-limits.ts'

/** Warns of work that is doubted when it comes for the first time, which is earlier than any report. */
export interface DoubtWarnings {
  readonly watch: NonNullable<Resource['watch']>
  /** @param what has begun; the first few names are told, each once */
  readonly tell: (what: string, why: string) => void
}

export function createDoubtWarnings(): DoubtWarnings {
  const told = new Map<string, string>()
  let warn = (_message: string): void => {}
  return {
    watch(_ended, given = () => {}) {
      warn = given
      // What came before the resource was added.
      for (const message of told.values()) warn(message)
    },
    tell(what, why) {
      if (told.has(what) || told.size >= mostReasons) return
      const message = `${what}: ${why}`
      told.set(what, message)
      warn(message)
    },
  }
}
