import type { Socket } from 'node:net'
import { reset } from './reset.ts'

/** Bytes held back by the delay before the sender is paused: enough for any request, little enough to push back. */
const heldBytes = 1024 * 1024

type Item = { readonly kind: 'data'; readonly chunk: Buffer } | { readonly kind: 'end' } | { readonly kind: 'reset' }

/**
 * Passes on everything that arrives on `from` to `to`, in order: bytes, the FIN of a half-close, and a reset as
 * a reset. Back-pressure reaches the sender. Each item arrives `delayMs` later.
 *
 * A reset is not held back by bytes that `to` has not taken: on a real path it overtakes them too, and they
 * are lost with the sender's buffer.
 */
export function relay(from: Socket, to: Socket, delayMs: number): void {
  const queue: { readonly item: Item; readonly dueAt: number }[] = []
  let queuedBytes = 0
  let timer: NodeJS.Timeout | undefined
  let isFull = false

  from.on('data', (chunk: Buffer) => accept({ kind: 'data', chunk }))
  from.on('end', () => accept({ kind: 'end' }))
  from.on('error', () => accept({ kind: 'reset' }))
  to.on('drain', () => {
    isFull = false
    flow()
  })
  to.on('close', () => clearTimeout(timer))

  function accept(item: Item): void {
    if (delayMs === 0) return deliver(item)
    queue.push({ item, dueAt: performance.now() + delayMs })
    if (item.kind === 'data') queuedBytes += item.chunk.length
    flow()
    timer ??= setTimeout(deliverDue, delayMs)
  }

  function deliverDue(): void {
    timer = undefined
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      const waitMs = next.dueAt - performance.now()
      if (waitMs > 0) {
        timer = setTimeout(deliverDue, waitMs)
        break
      }
      queue.shift()
      if (next.item.kind === 'data') queuedBytes -= next.item.chunk.length
      deliver(next.item)
    }
    flow()
  }

  function deliver(item: Item): void {
    if (to.destroyed) return
    switch (item.kind) {
      case 'data':
        isFull = to.writable && !to.write(item.chunk)
        return flow()
      case 'end':
        to.end()
        return
      case 'reset':
        reset(to)
        return
    }
  }

  function flow(): void {
    const mustPause = isFull || queuedBytes > heldBytes
    if (mustPause && !from.isPaused()) from.pause()
    if (!mustPause && from.isPaused()) from.resume()
  }
}
