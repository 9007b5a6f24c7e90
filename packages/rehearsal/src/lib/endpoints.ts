import type { Random } from './random.ts'

/** One replica as the service sees it. */
export interface Endpoint {
  readonly name: string
  readonly port: number
}

interface View extends Endpoint {
  isReady: boolean
  isTerminating: boolean
}

export interface EndpointsOptions {
  readonly random: Random
  /** From a change to the moment when new connections follow it, in ms. */
  readonly propagationMs: number
}

/** The EndpointSlice, together with the time that it takes to reach kube-proxy. */
export interface Endpoints {
  /** Publishes an endpoint; `atOnce` skips the propagation (the state before the rehearsal). */
  add(endpoint: Endpoint, atOnce: boolean): void
  /** What the readiness probe says; a terminating endpoint keeps it too. */
  setReady(name: string, isReady: boolean): void
  setTerminating(name: string): void
  remove(name: string): void
  /**
   * A random ready endpoint that is not terminating. When there is none, one that is terminating but still
   * says ready, as kube-proxy does since 1.26 (KEP-1669).
   */
  pick(): Endpoint | undefined
  close(): void
}

export function createEndpoints(options: EndpointsOptions): Endpoints {
  const views = new Map<string, View>()
  const timers = new Set<NodeJS.Timeout>()

  return {
    add(endpoint, atOnce) {
      const view: View = { ...endpoint, isReady: true, isTerminating: false }
      if (atOnce) views.set(view.name, view)
      else propagate(() => views.set(view.name, view))
    },
    setReady: (name, isReady) => change(name, (view) => (view.isReady = isReady)),
    setTerminating: (name) => change(name, (view) => (view.isTerminating = true)),
    remove: (name) => propagate(() => views.delete(name)),
    pick() {
      const serving = [...views.values()].filter((view) => view.isReady)
      const ready = serving.filter((view) => !view.isTerminating)
      const candidates = ready.length > 0 ? ready : serving
      return candidates[Math.floor(options.random() * candidates.length)]
    },
    close() {
      for (const timer of timers) clearTimeout(timer)
    },
  }

  function change(name: string, apply: (view: View) => void): void {
    propagate(() => {
      const view = views.get(name)
      if (view !== undefined) apply(view)
    })
  }

  /** One delay for all changes, so they arrive in order. */
  function propagate(apply: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      apply()
    }, options.propagationMs)
    timers.add(timer)
  }
}
