import type pg from 'pg'
import { expectTypeOf, test } from 'vitest'
import type { PgClientLike, PgPoolClientLike, PgPoolLike } from './pg-types.ts'

// Checked by the compiler, not at run time.
test('what pg really has fits the subset that is asked for', () => {
  expectTypeOf<pg.Pool>().toExtend<PgPoolLike>()
  expectTypeOf<pg.Client>().toExtend<PgClientLike>()
  expectTypeOf<pg.PoolClient>().toExtend<PgPoolClientLike>()
  expectTypeOf<pg.Client>().not.toExtend<PgPoolLike>()
  expectTypeOf<pg.Pool>().not.toExtend<PgPoolClientLike>()
})
