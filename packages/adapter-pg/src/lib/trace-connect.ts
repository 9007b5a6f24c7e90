import type { PgPoolClientLike, PgPoolLike } from './pg-types.ts'

type ConnectCallback = (error: Error | undefined, client: PgPoolClientLike | undefined, release: unknown) => void
type Connect = (callback?: ConnectCallback) => Promise<PgPoolClientLike> | undefined

const ownFolder = new URL('.', import.meta.url).href

/**
 * Replaces `connect` of this one pool (`query` goes through it too) by one that tells where in the application each
 * client was taken. Costs a stack trace per checkout.
 */
export function traceConnect(pool: PgPoolLike, onTaken: (client: PgPoolClientLike, takenAt: string) => void): void {
  const connect: Connect = pool.connect.bind(pool)
  const traced: Connect = (callback) => {
    const takenAt = applicationFrame(stackHere(traced))
    if (callback) {
      return connect((error, client, release) => {
        if (client) onTaken(client, takenAt)
        callback(error, client, release)
      })
    }
    return connect()?.then((client) => {
      onTaken(client, takenAt)
      return client
    })
  }
  Reflect.set(pool, 'connect', traced)
}

/** Deep enough to get out of an ORM. */
function stackHere(above: Connect): string {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 30
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, above)
  Error.stackTraceLimit = limit
  return holder.stack ?? ''
}

/** The first frame that is neither Node's, nor a dependency's, nor this package's; where a library has lost its caller's stack, the library's. */
function applicationFrame(stack: string): string {
  const frames = stack.split('\n').slice(1).map((line) => line.trim().replace(/^at /, '')).filter((frame) => !frame.includes('<anonymous>'))
  const own = frames.find((frame) => !frame.includes('node:') && !frame.includes('node_modules') && !frame.includes(ownFolder))
  return own ?? frames[0] ?? 'an unknown place'
}
