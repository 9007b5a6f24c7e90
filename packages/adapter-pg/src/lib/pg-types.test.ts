import { createRequire } from 'node:module'
import type { Knex } from 'knex'
import type { Knex as OldestKnex } from 'knex-2.0'
import type pg from 'pg'
import type oldest from 'types-pg-8.11'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { KnexLike } from './knex-pool.ts'
import type { PgClientLike, PgPoolClientLike, PgPoolLike } from './pg-types.ts'

const require = createRequire(import.meta.url)
const installed = (name: string): string => (require(`${name}/package.json`) as { version: string }).version
const { peerDependencies } = require('../../package.json') as { peerDependencies: Record<string, string> }

// Checked by the compiler, not at run time.
describe('what the clients really have fits the subset that is asked for', () => {
  test('pg', () => {
    expectTypeOf<pg.Pool>().toExtend<PgPoolLike>()
    expectTypeOf<pg.Client>().toExtend<PgClientLike>()
    expectTypeOf<pg.PoolClient>().toExtend<PgPoolClientLike>()
    expectTypeOf<pg.Client>().not.toExtend<PgPoolLike>()
    expectTypeOf<pg.Pool>().not.toExtend<PgPoolClientLike>()
  })

  test('the oldest pg', () => {
    expectTypeOf<oldest.Pool>().toExtend<PgPoolLike>()
    expectTypeOf<oldest.Client>().toExtend<PgClientLike>()
    expectTypeOf<oldest.PoolClient>().toExtend<PgPoolClientLike>()
    expectTypeOf<oldest.Client>().not.toExtend<PgPoolLike>()
  })

  test('Knex, the newest and the oldest', () => {
    expectTypeOf<Knex>().toExtend<KnexLike>()
    expectTypeOf<OldestKnex>().toExtend<KnexLike>()
    expectTypeOf<pg.Pool>().not.toExtend<KnexLike>()
  })
})

describe('the peer range is what is tested', () => {
  test.each([
    ['pg', 'pg-8.11', '8.11.0', '^8.11.0'],
    ['knex', 'knex-2.0', '2.0.0', '^2.0.0 || ^3.0.0'],
  ])('%s', (name, alias, version, range) => {
    expect(installed(alias)).toBe(version)
    expect(peerDependencies[name]).toBe(range)
    const majors = [...range.matchAll(/\^(\d+)/g)].map((match) => match[1])
    expect(majors.at(-1)).toBe(installed(name).split('.')[0])
  })

  test('the types are those of the oldest, and its pool is the one of its time', () => {
    expect(installed('types-pg-8.11')).toBe('8.11.0')
    expect(installed('pg-pool-3.6')).toBe('3.6.0')
  })
})
