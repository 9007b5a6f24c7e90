import type { Context } from './recipe.ts'
import { Unavailable } from './unavailable.ts'

export async function embeddedPostgres(_context: Context): Promise<string> {
  throw new Unavailable('not yet')
}
