import { Session, type Profiler } from 'node:inspector'

/** What V8 has seen running in the packages, block by block. */
export interface Coverage {
  /** How many features have been seen for the first time since the last call. A feature is a block, and about how often it ran (1, 2, 4, 8 … times). */
  taken(): number
  readonly total: number
  close(): void
}

/** @param isCovered which files lead the search, by their URL */
export function startCoverage(isCovered: (url: string) => boolean): Coverage {
  const session = new Session()
  session.connect()
  const seen = new Set<string>()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const coverage: Coverage = {
    taken() {
      const before = seen.size
      let scripts: readonly Profiler.ScriptCoverage[] = []
      session.post('Profiler.takePreciseCoverage', (error, { result }) => {
        if (!error) scripts = result
      })
      for (const { scriptId, url, functions } of scripts) {
        if (!isCovered(url)) continue
        for (const { ranges } of functions) {
          for (const { startOffset, endOffset, count } of ranges) {
            if (count > 0) seen.add(`${scriptId}:${startOffset}:${endOffset}:${Math.floor(Math.log2(count))}`)
          }
        }
      }
      return seen.size - before
    },
    get total() {
      return seen.size
    },
    close: () => session.disconnect(),
  }
  // What loading has run is nothing new.
  coverage.taken()
  return coverage
}
