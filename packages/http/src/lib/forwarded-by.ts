import type { IncomingHttpHeaders } from 'node:http'

/** What most balancers and proxies add to a request that they pass on, as it is usually written. */
const headers = ['X-Forwarded-For', 'Forwarded', 'Via'] as const

/** The header which tells that something stands in front of the server. */
export function forwardedBy(given: IncomingHttpHeaders): string | undefined {
  return headers.find((header) => given[header.toLowerCase()] !== undefined)
}
