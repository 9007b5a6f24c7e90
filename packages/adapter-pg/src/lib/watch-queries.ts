import type { LifecycleError } from '@lameduck/core'
import { isQueryable, newestQueriesOf, queriesOf, type PgQuery } from './pg-internals.ts'
import type { PgClientLike } from './pg-types.ts'
import { refuseQuery, verbOf } from './refuse-query.ts'

export interface QueryWatch {
  /** A query has been given to the client; returns what is called when it has ended, with the error where it failed. */
  begun(what: string): (error?: unknown) => void
  /** The error to refuse a query with, if it is to be refused. */
  refusal(what: string): LifecycleError | undefined
}

type Query = (...values: readonly unknown[]) => unknown

/** Queries of this package itself: nobody waits for their answers. */
const asides = new WeakSet<PgQuery>()

/** Sends what no report is to tell. */
export function askAside(client: PgClientLike, query: PgClientLike['query'], text: string): Promise<unknown> {
  const answer = query(text)
  for (const each of newestQueriesOf(client)) if (each.text === text) asides.add(each)
  return answer
}

/**
 * Hears of every query of a client from now on, of those that are under way too; returns the function that ends it. What callers get is
 * not touched: not even a promise that nobody handles becomes a handled one.
 */
export function watchQueries(client: PgClientLike, watch: QueryWatch): () => void {
  const known = new WeakSet<PgQuery>()
  const before = Object.getOwnPropertyDescriptor(client, 'query')
  const query = Reflect.get(client, 'query') as Query
  for (const each of queriesOf(client)) follow(each)
  const watched: Query = (...values) => {
    const what = verbOf(values[0])
    const refusal = watch.refusal(what)
    if (refusal) return refuseQuery(client, values, refusal)
    const result = Reflect.apply(query, client, values)
    const fresh = newestQueriesOf(client).filter((each) => !known.has(each))
    for (const each of fresh) follow(each)
    if (fresh.length === 0 && !isQueryable(client)) watch.begun(what)(new Error('the connection was lost before'))
    return result
  }
  Reflect.set(client, 'query', watched)
  return () => {
    if (Reflect.get(client, 'query') !== watched) return
    if (before) Object.defineProperty(client, 'query', before)
    else Reflect.deleteProperty(client, 'query')
  }

  function follow(each: PgQuery): void {
    known.add(each)
    if (asides.has(each)) return
    const end = watch.begun(verbOf(each))
    const handleError = each.handleError.bind(each)
    const handleReadyForQuery = each.handleReadyForQuery.bind(each)
    each.handleError = (error, connection) => {
      end(error)
      return handleError(error, connection)
    }
    each.handleReadyForQuery = (connection) => {
      end()
      return handleReadyForQuery(connection)
    }
  }
}
