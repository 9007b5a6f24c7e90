import type { Cluster } from 'node:cluster'
import type { Server } from 'node:net'

/** What Node knows of a listener. Undocumented, but in Node 20 to 26; without it the queue stays as it is. */
interface Listening {
  readonly _handle?: { listen?(backlog: number): number } | null
  /** Begins with 4 or 6 where `listen` was given a port; not where it was given a socket, which others may have as well. */
  readonly _connectionKey?: string
}

/**
 * Makes the kernel accept one connection at a time, and no queue of them, for a listener that is about to be closed; says whether it does. Between the last look at the queue
 * and the close, a process may lose its turn on the processor, and what the kernel has accepted by then is reset. Those who come to a full queue get no answer
 * instead: they ask again a second later, and are refused, which every client takes for a reason to go elsewhere.
 *
 * Only where this process alone has the listener, and only on Linux: others of its kind would get an error, or nothing would change.
 */
export function narrowAcceptQueue(server: Server): boolean {
  const { _handle: listener, _connectionKey: key } = server as Server & Listening
  // What the types call the module's default is the module itself.
  const { isWorker } = process.getBuiltinModule('node:cluster') as unknown as Cluster
  return process.platform === 'linux' && !isWorker && /^[46]:/.test(String(key)) && listener?.listen?.(0) === 0
}
