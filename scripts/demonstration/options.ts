import { frameworks, type Framework } from '@lameduck/example'
import { parseArgs } from 'node:util'

export interface DemonstrationOptions {
  /** Print the result as one JSON object on the last line. */
  readonly json: boolean
  /** How often the lameduck side runs; the losses of all runs are added up. */
  readonly runs: number
  readonly framework: Framework
}

/** What was typed cannot be understood; the message says what can. */
export class UsageError extends Error {}

export const usage: string = `npm start -- [--json] [--runs 1…100] [--framework ${frameworks.join('|')}]`

/** @throws UsageError */
export function parseOptions(words: readonly string[]): DemonstrationOptions {
  const { values } = parse(words)
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1 || runs > 100) throw new UsageError(`--runs takes a whole number from 1 to 100; it is "${values.runs}"\n${usage}`)
  const framework = frameworks.find((each) => each === values.framework)
  if (!framework) throw new UsageError(`--framework takes ${frameworks.join(', ')}; it is "${values.framework}"\n${usage}`)
  return { json: values.json, runs, framework }
}

function parse(words: readonly string[]): { values: { json: boolean; runs: string; framework: string } } {
  try {
    return parseArgs({
      args: [...words],
      options: {
        json: { type: 'boolean', default: false },
        runs: { type: 'string', default: '1' },
        framework: { type: 'string', default: 'express' },
      },
    })
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message.split('. ')[0] : String(error)}\n${usage}`)
  }
}
