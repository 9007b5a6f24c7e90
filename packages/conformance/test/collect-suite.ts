import type { Subject } from '../src/lib/harness.ts'
import { resourceSuite, type ResourceSuiteOptions, type TestRunner } from '../src/index.ts'

export interface CollectedTest {
  readonly name: string
  readonly skipped: boolean
  readonly run: () => Promise<void>
}

/** Registers the suite with a runner that only remembers. */
export function collectSuite<S extends Subject>(options: Omit<ResourceSuiteOptions<S>, 'test'>): CollectedTest[] {
  const collected: CollectedTest[] = []
  const register =
    (skipped: boolean) =>
    (name: string, run: () => Promise<void>): void =>
      void collected.push({ name, skipped, run })
  const test: TestRunner = Object.assign(register(false), { skip: register(true) })
  resourceSuite({ ...options, test })
  return collected
}

/** Runs what was collected, one after another; resolves with the names of those that failed. */
export async function failuresOf(tests: readonly CollectedTest[]): Promise<Map<string, string>> {
  const failures = new Map<string, string>()
  // A mutant's unhandled errors are the suite's to find, not the surrounding runner's.
  const restore = [silence('unhandledRejection'), silence('uncaughtException')]
  try {
    for (const { name, skipped, run } of tests) {
      if (!skipped) await run().catch((error: unknown) => failures.set(name, String(error)))
    }
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    for (const undo of restore) undo()
  }
  return failures
}

function silence(event: string): () => void {
  const listeners = process.listeners(event as 'uncaughtException')
  const ignore = (): void => {}
  process.removeAllListeners(event)
  process.on(event, ignore)
  return () => {
    process.off(event, ignore)
    for (const listener of listeners) process.on(event, listener)
  }
}
