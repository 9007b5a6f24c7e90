import type { Cluster } from 'node:cluster'
import { createServer } from 'node:net'

/** Nothing can listen there, wherever it is tried: the primary's answer is an error, and nobody else hears of it. */
const impossiblePath = '/dev/null/lameduck'

/**
 * In a cluster worker: resolves when the primary has answered, and so has heard that the listener is closed; anywhere else at
 * once. Without a primary any more, and when `signal` aborts, it resolves too.
 *
 * A primary that hands a connection to a worker keeps its own hold of it until the worker has answered. A worker that exits in that
 * moment never does, and the client waits for ever; one that is still there without a listener gives it back, and another worker gets it.
 * Closing a listener is told to the primary, but not confirmed, so something is asked behind it: the only question with an
 * answer and no consequence is to listen where that fails. (`worker.disconnect()` is answered, too, but then the primary takes the
 * worker's end for a voluntary one, and the worker's own listeners of `disconnect` exit with their code.)
 */
export async function hearFromPrimary(signal: AbortSignal): Promise<void> {
  if (signal.aborted || !process.connected || process.platform === 'win32' || !isClusterWorker()) return
  await new Promise<void>((resolve) => {
    const server = createServer()
    // Should it listen all the same, it is not kept.
    server.once('error', end).once('listening', () => server.close(end))
    process.once('disconnect', end)
    signal.addEventListener('abort', end)
    server.listen({ path: impossiblePath })

    function end(): void {
      process.off('disconnect', end)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
}

function isClusterWorker(): boolean {
  // What the types call the module's default is the module itself.
  return (process.getBuiltinModule('node:cluster') as unknown as Cluster).isWorker
}
