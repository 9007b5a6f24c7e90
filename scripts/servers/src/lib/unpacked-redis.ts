import type { Context } from './recipe.ts'
import { Unavailable } from './unavailable.ts'

export async function unpackedRedis(_context: Context): Promise<{ file: string; env: NodeJS.ProcessEnv }> {
  throw new Unavailable('not yet')
}
