import type { ServerResponse } from 'node:http'
import type { Lifecycle } from '@lameduck/core'

/**
 * A preStop hook of the kind `httpGet`: announces the end to the lifecycle, and answers when the policy's `lameDuck.minMs` is over
 * or the stop has begun. A repeated call (kubelet's, after it has restarted itself) waits for the same end. A service that has
 * not been ready has nobody to lead away: it answers at once.
 */
export function preStopHook(lifecycle: Lifecycle): (response: ServerResponse) => void {
  let announcedAt: number | undefined
  lifecycle.subscribe((event) => {
    if (event.type === 'pre-stop') announcedAt = event.announced ? performance.now() : undefined
  })

  return (response) => {
    lifecycle.preStop()
    const beganAt = announcedAt ?? performance.now()
    const leftMs = lifecycle.state.name === 'ready' ? beganAt + lifecycle.policy.lameDuck.minMs - performance.now() : 0
    // The platform waits for the answer; a process that has nothing else to do need not.
    const timer = setTimeout(answer, Math.max(0, leftMs)).unref()
    lifecycle.stopping.addEventListener('abort', answer)
    response.once('close', forget)

    function forget(): void {
      clearTimeout(timer)
      lifecycle.stopping.removeEventListener('abort', answer)
    }

    function answer(): void {
      forget()
      const body = `waited ${Math.round(performance.now() - beganAt)} ms\n`
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' }).end(body)
    }
  }
}
