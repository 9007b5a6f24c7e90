import { parseArgs } from 'node:util'

export class SoakUsageError extends Error {}

export const sabotages = ['leak', 'lose', 'hang'] as const

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  /** What is wrong with the service on purpose, for the soak to find. */
  readonly sabotage: (typeof sabotages)[number] | undefined
  /** Where the figures go, as JSON. */
  readonly json: string | undefined
}

export const soakUsage = 'npm run soak -- [--minutes 60] [--seed n] [--json file] [--sabotage leak|lose|hang]'

/** @throws SoakUsageError */
export function parseSoakOptions(args: readonly string[]): SoakOptions {
  const values = parse(args)
  const minutes = Number(values.minutes ?? 60)
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))
  const sabotage = sabotages.find((each) => each === values.sabotage)
  if (!(minutes > 0 && minutes <= 10_000)) throw new SoakUsageError(`--minutes must be above 0; it is ${values.minutes}`)
  if (!Number.isSafeInteger(seed)) throw new SoakUsageError(`--seed must be a whole number; it is ${values.seed}`)
  if (values.sabotage !== undefined && !sabotage) throw new SoakUsageError(`--sabotage is one of ${sabotages.join(', ')}; it is ${values.sabotage}`)
  return { minutes, seed, sabotage, json: values.json }
}

function parse(args: readonly string[]): { minutes?: string; seed?: string; json?: string; sabotage?: string } {
  const text = { type: 'string' } as const
  try {
    return parseArgs({ args: [...args], options: { minutes: text, seed: text, json: text, sabotage: text } }).values
  } catch (error) {
    throw new SoakUsageError(`${(error as Error).message}\n${soakUsage}`)
  }
}
