import type { IncomingMessage } from 'node:http'
import type { Exchange, Upgrade } from './connection.ts'

/**
 * Names a request: Express's route, where there is one, since a path may hold secrets, too, and is one of thousands; else the path
 * as the client sent it, for whatever is mounted under a path takes that off.
 */
export function nameOf({ response, url }: Exchange): string {
  const { method = '', baseUrl = '', route } = response.req as IncomingMessage & { readonly baseUrl?: unknown; readonly route?: { readonly path?: unknown } }
  return typeof route?.path === 'string' ? `${method} ${String(baseUrl)}${route.path}` : describeRequest({ method, url })
}

export function nameOfUpgrade(upgrade: Upgrade): string {
  return `${describeRequest(upgrade)} (${upgrade.protocol || 'tunnel'})`
}

export function describeUnanswered(upgrade: Upgrade): string {
  return `${nameOfUpgrade(upgrade)}: its last message was not answered when it was closed`
}

/** Method and path. No query: it may hold secrets. */
export function describeRequest({ method, url }: { readonly method: string; readonly url: string }): string {
  const query = url.indexOf('?')
  return `${method} ${query < 0 ? url : url.slice(0, query)}`
}
