import type { Worker } from 'node:cluster'
import type { Clock } from '../clock.ts'

/**
 * Takes a cluster worker out of its cluster, and resolves when the primary has agreed, or after `boundMs`; anywhere else at once.
 *
 * A primary that gives a connection to a worker keeps its own hold of it until the worker has answered, and a worker that
 * exits in that moment never does: the client waits for ever, on a connection that nobody serves. The answer to
 * `disconnect` comes after everything that was sent before; what comes without a listener goes back to the primary, and to another worker.
 */
export async function leaveCluster(boundMs: number, clock: Clock): Promise<void> {
  if (!process.connected) return
  const { worker } = process.getBuiltinModule('node:cluster') as unknown as { readonly worker?: Worker }
  if (!worker?.isConnected()) return
  await new Promise<void>((resolve) => {
    const cancel = clock.setTimer(resolve, boundMs)
    worker.once('disconnect', () => {
      cancel()
      resolve()
    })
    worker.disconnect()
  })
}
