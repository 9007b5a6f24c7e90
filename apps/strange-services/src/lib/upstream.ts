import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server that a service calls: a partner's API, a bucket, a collector. */
export interface Upstream {
  readonly url: string
  /** The bodies of the requests that were answered with a 2xx, in order; where there is no body, the path without its slash. */
  readonly received: readonly string[]
  /** Resolves when so many requests have come, answered or not. */
  asked(times: number): Promise<void>
  close(): Promise<void>
}

/** The status that it answers with, at once or later; 0 hangs up. */
export type Respond = (what: string, request: IncomingMessage) => number | Promise<number>

export async function openUpstream(respond: Respond = () => 200): Promise<Upstream> {
  const received: string[] = []
  const waiting = new Set<() => void>()
  let requests = 0
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // A client that hangs up in the middle has sent nothing.
    const body = await bodyOf(request).catch(() => undefined)
    if (body === undefined) return
    const what = body === '' ? String(request.url).slice(1) : body
    requests += 1
    for (const look of waiting) look()
    const status = await respond(what, request)
    if (status === 0) {
      request.socket.destroy()
      return
    }
    if (status < 300) received.push(what)
    response.writeHead(status).end(`${status} ${what}`)
  }
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    asked: (times) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (requests < times) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const piece of request.setEncoding('utf8')) body += String(piece)
  return body
}
