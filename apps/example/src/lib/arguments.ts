import { parseArgs } from 'node:util'
import { ConfigError } from './config-error.ts'
import { frameworks, helpers, type Framework, type Helper } from './config.ts'

/** Which variant of the service to run. */
export interface Variant {
  readonly framework: Framework
  readonly helper: Helper
}

/**
 * Reads `--framework express|fastify|nest` (default express) and `--helper lameduck|baseline` (default lameduck).
 *
 * @throws ConfigError that lists what there is.
 */
export function variantFrom(argv: readonly string[]): Variant {
  const { framework = 'express', helper = 'lameduck' } = parse(argv)
  if (!isOneOf(frameworks, framework)) throw new ConfigError(`--framework "${framework}" is not known; choose one of ${frameworks.join(', ')}`)
  if (!isOneOf(helpers, helper)) throw new ConfigError(`--helper "${helper}" is not known; choose one of ${helpers.join(', ')}`)
  if (helper === 'baseline' && framework !== 'express') {
    throw new ConfigError(`--helper baseline exists for express only; --framework is "${framework}"`)
  }
  return { framework, helper }
}

function parse(argv: readonly string[]): { framework?: string; helper?: string } {
  try {
    return parseArgs({ args: [...argv], options: { framework: { type: 'string' }, helper: { type: 'string' } } }).values
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`${why}. Known are --framework ${frameworks.join('|')} and --helper ${helpers.join('|')}.`, { cause })
  }
}

function isOneOf<T extends string>(known: readonly T[], value: string): value is T {
  return (known as readonly string[]).includes(value)
}
