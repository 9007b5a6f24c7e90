import { parseArgs } from 'node:util'
import { targets } from './targets.ts'

export class FuzzUsageError extends Error {}

export interface FuzzOptions {
  /** For all targets together. */
  readonly seconds: number
  readonly seed: number
  readonly only: string | undefined
  /** Runs this one only, instead of looking for others. */
  readonly input: Uint8Array | undefined
  readonly mutant: string | undefined
  /** Keep what reaches something new, in `apps/fuzz/corpus`. */
  readonly keep: boolean
}

export const fuzzUsage: string = `npm run fuzz -- [--seconds 60] [--only name] [--seed n] [--input hex] [--mutant name] [--keep]

${targets.map(({ name, promise, mutants }) => `  ${name.padEnd(10)} ${promise}\n${' '.repeat(13)}mutants: ${mutants.map((mutant) => mutant.name).join(', ')}`).join('\n')}`

/** @throws FuzzUsageError */
export function parseFuzzOptions(args: readonly string[]): FuzzOptions {
  const values = parse(args)
  const seconds = Number(values.seconds ?? 60)
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))
  const { only, mutant } = values
  if (!(seconds > 0 && seconds <= 86_400)) throw new FuzzUsageError(`--seconds must be from 1 to 86400; it is ${values.seconds}`)
  if (!Number.isSafeInteger(seed)) throw new FuzzUsageError(`--seed must be a whole number; it is ${values.seed}`)
  const target = targets.find(({ name }) => name === only)
  if (only !== undefined && !target) throw new FuzzUsageError(`there is no target ${only}; there are ${targets.map(({ name }) => name).join(', ')}`)
  if (mutant !== undefined && !target?.mutants.some(({ name }) => name === mutant)) throw new FuzzUsageError(`--mutant ${mutant} needs --only with the target that has it\n\n${fuzzUsage}`)
  if (values.input !== undefined && (!target || !/^(?:[\da-f]{2})*$/.test(values.input))) throw new FuzzUsageError('--input is hexadecimal, and needs --only')
  return { seconds, seed, only, mutant, keep: values.keep ?? false, input: values.input === undefined ? undefined : Buffer.from(values.input, 'hex') }
}

function parse(args: readonly string[]): { seconds?: string; seed?: string; only?: string; input?: string; mutant?: string; keep?: boolean } {
  const text = { type: 'string' } as const
  try {
    return parseArgs({ args: [...args], options: { seconds: text, seed: text, only: text, input: text, mutant: text, keep: { type: 'boolean' } } }).values
  } catch (error) {
    throw new FuzzUsageError(`${(error as Error).message}\n\n${fuzzUsage}`)
  }
}
