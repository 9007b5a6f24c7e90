import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PreStop } from './rehearsal-options.ts'

/**
 * Runs the hook until it ends or `signal` aborts (the grace period is over, or the replica has gone). Resolves with
 * what went wrong, never rejects: kubelet only logs it, and the stop signal follows at once. The status of
 * `httpGet` is ignored and its request has no timeout of its own, as in kubelet.
 */
export async function runPreStop(hook: Exclude<PreStop, 'none'>, urlOf: (port: 'app' | 'probe') => string, signal: AbortSignal): Promise<string | undefined> {
  try {
    if ('sleepMs' in hook) await sleep(hook.sleepMs, undefined, { signal })
    else await getOnce(`${urlOf(hook.httpGet.port)}${hook.httpGet.path}`, signal)
    return undefined
  } catch (error) {
    if (signal.aborted) return 'cut: the grace period was over or the replica had gone'
    return error instanceof Error ? error.message : String(error)
  }
}

function getOnce(url: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal }, (response) => {
      response.resume()
      response.once('error', reject)
      response.once('end', resolve)
    })
    request.once('error', reject)
  })
}
