import { readCorpus, writeCorpus } from './corpus.ts'
import { startCoverage } from './coverage.ts'
import type { FuzzOptions } from './fuzz-options.ts'
import { fuzzTarget } from './fuzz-target.ts'
import { openLibraries } from './libraries.ts'
import { targets } from './targets.ts'

/** Fuzzes the targets one after the other, tells what came of it, and returns the exit code. */
export async function runFuzz(options: FuzzOptions, tell: (line: string) => void): Promise<number> {
  const { only, seed, seconds, input, mutant, keep } = options
  const chosen = targets.filter(({ name }) => only === undefined || name === only)
  const libraries = await openLibraries(chosen[0]?.mutants.find(({ name }) => name === mutant))
  const coverage = startCoverage(libraries.isCovered)
  let code = 0
  tell(`seed ${seed}`)
  try {
    for (const target of chosen) {
      const known = input ? [input] : await readCorpus(target.name)
      const forMs = input ? 0 : (seconds * 1_000) / chosen.length
      const onProgress = (executions: number, kept: number): void => tell(`  ${target.name}: ${executions} executions, ${kept} inputs kept, ${coverage.total} features`)
      const { executions, tookMs, corpus, failure } = await fuzzTarget(target, libraries.load, known, { forMs, seed, coverage, onProgress })
      const rate = `${executions} executions, ${((executions / tookMs) * 1_000).toFixed(0)}/s, ${corpus.length} inputs kept`
      tell(`${failure ? '✗' : '✓'} ${target.name}: ${rate}`)
      if (keep && !failure) await writeCorpus(target.name, corpus)
      if (!failure) continue
      code = 1
      const hex = Buffer.from(failure.input).toString('hex')
      tell(`  must hold: ${target.promise}\n  broken: ${failure.broken}\n  again: npm run fuzz -- --only ${target.name}${mutant === undefined ? '' : ` --mutant ${mutant}`} --input ${hex === '' ? '00' : hex}`)
    }
  } finally {
    coverage.close()
    await libraries.remove()
  }
  return code
}
