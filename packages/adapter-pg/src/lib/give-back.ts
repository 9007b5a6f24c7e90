import type { PgPoolClientLike } from './pg-types.ts'

/** Releases a client to its pool, to be closed. The application's own release, which may still come, then does nothing. */
export function giveBack(client: PgPoolClientLike): void {
  try {
    client.release(true)
  } catch {
    // The application has released it before.
  }
  // Otherwise its `finally { client.release() }` would throw in place of the error that it is about.
  client.release = () => {}
}
