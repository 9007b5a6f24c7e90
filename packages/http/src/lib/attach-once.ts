import type { Server } from 'node:net'
import { LifecycleError } from '@lameduck/core'

/** By a global name, since another copy of this package may have been attached to the server. */
const attachedKey: unique symbol = Symbol.for('lameduck.attached')
type Attached = Server & { [attachedKey]?: string | undefined }

/** @throws LifecycleError `invalid-option` where another resource drains the server: each would end what the other waits for. */
export function requireUnattached(server: Attached): void {
  const name = server[attachedKey]
  if (name === undefined) return
  throw new LifecycleError('invalid-option', `the resource "${name}" drains this server already. One is enough: add that one to the lifecycle, and leave this one out.`)
}

/** Until it is called back: one that has been drained may be attached anew, for another lifecycle. */
export function attach(server: Attached, name: string): () => void {
  server[attachedKey] = name
  return () => {
    server[attachedKey] = undefined
  }
}
