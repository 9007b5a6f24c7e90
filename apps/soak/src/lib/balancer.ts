import { get } from 'node:http'
import type { Replica } from './replica.ts'

/** Hands out replicas that say that they are ready, as a Service of Kubernetes does. */
export interface Balancer {
  readonly add: (replica: Replica) => void
  readonly remove: (replica: Replica) => void
  /** One after the other; `undefined` while none is ready. */
  readonly next: () => Replica | undefined
  readonly close: () => void
}

const periodMs = 100

export function createBalancer(): Balancer {
  const ready = new Map<Replica, boolean>()
  let turn = 0
  const timer = setInterval(() => {
    for (const replica of ready.keys()) {
      const say = (isReady: boolean): void => void (ready.has(replica) && ready.set(replica, isReady))
      get({ host: '127.0.0.1', port: replica.probePort, path: '/readyz', timeout: 1_000 }, (response) => say(response.resume().statusCode === 200)).on('error', () => say(false))
    }
  }, periodMs)
  return {
    add: (replica) => void ready.set(replica, true),
    remove: (replica) => void ready.delete(replica),
    next() {
      const all = [...ready].flatMap(([replica, isReady]) => (isReady ? [replica] : []))
      return all[(turn += 1) % all.length]
    },
    close: () => clearInterval(timer),
  }
}
