import type { IncomingHttpHeaders } from 'node:http'

/** Whether something stands in front of a server that passes requests on. */
export interface ForwardedHeaders {
  /** Until enough has been seen. */
  readonly isLooking: boolean
  look(headers: IncomingHttpHeaders): void
  /** Which header told it. */
  readonly found: string | undefined
}

/** What most balancers and proxies add to a request, as it is usually written. */
const headers = ['X-Forwarded-For', 'Forwarded', 'Via'] as const

/** A probe or a colleague may come first, past the balancer; to look at every request for ever would cost each of them. */
const mostLooks = 100

export function forwardedHeaders(): ForwardedHeaders {
  let looks = 0
  let found: string | undefined
  return {
    get isLooking() {
      return looks < mostLooks
    },
    look(given) {
      looks += 1
      found = headers.find((header) => given[header.toLowerCase()] !== undefined)
      if (found !== undefined) looks = mostLooks
    },
    get found() {
      return found
    },
  }
}
