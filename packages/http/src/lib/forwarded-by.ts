import type { IncomingHttpHeaders } from 'node:http'

/** What most balancers and proxies add to a request that they pass on, as it is usually written. */
const headers = ['X-Forwarded-For', 'Forwarded', 'Via'] as const

/** A probe or a colleague may come first, past the balancer; to look at every request for ever would cost each of them. */
const mostLooks = 100

/** Looks in a server's first requests for what tells that something stands in front of it. */
export function forwardedBy(): { look(given: IncomingHttpHeaders): void; readonly header: string | undefined } {
  let looksLeft = mostLooks
  let found: string | undefined

  return {
    look(given) {
      if (looksLeft <= 0) return
      found = headers.find((header) => given[header.toLowerCase()] !== undefined)
      looksLeft = found === undefined ? looksLeft - 1 : 0
    },
    get header() {
      return found
    },
  }
}
