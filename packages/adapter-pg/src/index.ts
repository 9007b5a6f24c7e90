export { pgClient, type PgClientOptions } from './lib/pg-client.ts'
export { pgPool, type PgPoolOptions } from './lib/pg-pool.ts'
export { knexPool, type KnexLike, type KnexPoolOptions } from './lib/knex-pool.ts'
export type { PgClientLike, PgPoolClientLike, PgPoolLike } from './lib/pg-types.ts'
