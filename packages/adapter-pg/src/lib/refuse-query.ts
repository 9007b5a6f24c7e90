import { connectionOf, type PgQuery } from './pg-internals.ts'
import type { PgClientLike } from './pg-types.ts'

type Callback = (error: Error) => void

/** Answers a query in the client's place, in whatever style it was asked: by promise, by callback, or as a query of one's own. */
export function refuseQuery(client: PgClientLike | undefined, [query, ...rest]: readonly unknown[], error: Error): unknown {
  if (isOwnQuery(query)) {
    process.nextTick(() => query.handleError(error, client && connectionOf(client)))
    return query
  }
  const inQuery: unknown = typeof query === 'object' && query !== null ? Reflect.get(query, 'callback') : undefined
  const callback = [inQuery, ...rest].find((value): value is Callback => typeof value === 'function')
  if (!callback) return Promise.reject(error)
  process.nextTick(callback, error)
  return undefined
}

/** `INSERT`, for reports; nothing of the text that could be somebody's data. */
export function verbOf(query: unknown): string {
  const text: unknown = typeof query === 'string' ? query : typeof query === 'object' && query !== null ? (Reflect.get(query, 'text') ?? textOfCursor(query)) : undefined
  const verb = typeof text === 'string' ? /^\s*([a-z]{3,12})\b/i.exec(text)?.[1] : undefined
  return verb?.toUpperCase() ?? 'a query'
}

/** A query stream has a cursor, which has the text. */
function textOfCursor(query: object): unknown {
  const cursor: unknown = Reflect.get(query, 'cursor')
  return typeof cursor === 'object' && cursor !== null ? Reflect.get(cursor, 'text') : undefined
}

function isOwnQuery(query: unknown): query is PgQuery {
  const has = (name: string): boolean => typeof query === 'object' && query !== null && typeof Reflect.get(query, name) === 'function'
  return has('submit') && has('handleError')
}
