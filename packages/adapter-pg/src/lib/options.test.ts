import knex from 'knex'
import { Client, Pool } from 'pg'
import { expect, test } from 'vitest'
import { knexPool } from './knex-pool.ts'
import { pgClient } from './pg-client.ts'
import { pgPool } from './pg-pool.ts'

const knexOverPg = knex({ client: 'pg', connection: 'postgres://127.0.0.1:1/none' })

test.each<[string, () => unknown, string]>([
  ['pgPool', () => pgPool(new Pool(), { waiter: 'reject' } as never), 'pgPool(): the option waiter is not known; did you mean waiters? Known are name, phase, '],
  ['pgPool, a word', () => pgPool(new Pool(), { waiters: 'drop' as never }), 'pg: waiters must be "serve" or "reject"; it is "drop" (string)'],
  ['knexPool', () => knexPool(knexOverPg, { timeout: 5 } as never), 'knexPool(): the option timeout is not known; did you mean timeoutMs?'],
  ['knexPool, of pgPool alone', () => knexPool(knexOverPg, { traceCheckouts: true } as never), 'knexPool(): the option traceCheckouts is not known; known are '],
  ['pgClient', () => pgClient(new Client(), { onerror() {} } as never), 'pgClient(): the option onerror is not known; did you mean onError?'],
  ['pgClient, no object', () => pgClient(new Client(), 'listener' as never), 'pgClient() takes an object of options; it was given "listener" (string)'],
])('refuses an option that is not known: %s', (_what, call, message) => {
  expect(call).toThrow(message)
})
