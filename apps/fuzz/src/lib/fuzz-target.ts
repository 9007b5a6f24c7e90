import { createAttempt } from './attempt.ts'
import type { Coverage } from './coverage.ts'
import type { Load } from './libraries.ts'
import { minimise } from './minimise.ts'
import { mutate } from './mutate.ts'
import { randomFrom } from './random.ts'
import type { Target } from './target.ts'

export interface FuzzResult {
  readonly executions: number
  readonly tookMs: number
  /** Inputs that reached something new, in the order of finding. */
  readonly corpus: readonly Uint8Array[]
  readonly failure: { readonly broken: string; readonly input: Uint8Array } | undefined
}

export interface FuzzTime {
  readonly forMs: number
  readonly seed: number
  readonly coverage: Coverage
  /** Called once in 5 s. */
  readonly onProgress: (executions: number, corpus: number) => void
}

const limitMs = 10_000

/** Of the time, for making a failure smaller. */
const minimisePart = 0.25

/** Runs the inputs that were found earlier, then new ones, until the time is over or something is broken. */
export async function fuzzTarget(target: Target, load: Load, known: readonly Uint8Array[], { forMs, seed, coverage, onProgress }: FuzzTime): Promise<FuzzResult> {
  const attempt = createAttempt(await target.open(load), limitMs)
  const random = randomFrom(seed)
  const corpus: Uint8Array[] = []
  const startedAt = performance.now()
  let toldAt = startedAt
  let executions = 0
  coverage.taken()
  for (const waiting = [...known]; waiting.length > 0 || performance.now() - startedAt < forMs; ) {
    const bytes = waiting.shift() ?? mutate(corpus, random)
    const broken = await attempt(bytes)
    executions += 1
    if (broken !== undefined) {
      const input = await minimise(bytes, async (smaller) => (await attempt(smaller)) !== undefined, forMs * minimisePart)
      return { executions, tookMs: performance.now() - startedAt, corpus, failure: { broken: (await attempt(input)) ?? broken, input } }
    }
    if (coverage.taken() > 0) corpus.push(bytes)
    if (performance.now() - toldAt < 5_000) continue
    toldAt = performance.now()
    onProgress(executions, corpus.length)
  }
  return { executions, tookMs: performance.now() - startedAt, corpus, failure: undefined }
}
