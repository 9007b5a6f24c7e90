import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** What became of one request: a status and a body, or the error that came in their place. */
export interface Answer {
  readonly path: string
  readonly status: number | undefined
  readonly body: string
  readonly error: string | undefined
}

export interface Load {
  readonly answers: readonly Answer[]
  /** How many requests of this path were answered with this status. */
  count(path: string, status: number): number
  /** Resolves when the last request that was sent has its answer. */
  readonly over: Promise<void>
}

export interface LoadOptions {
  readonly url: string
  readonly probeUrl: string
  readonly paths: readonly string[]
}

const clientsPerPath = 4
const probeEveryMs = 5

/**
 * Loads a service as a balancer does that looks at its readiness every few milliseconds: clients with keep-alive send the next
 * request as soon as the last one is answered, until the probe says no. What was sent by then must be answered.
 */
export function startLoad({ url, probeUrl, paths }: LoadOptions): Load {
  const agent = new Agent({ keepAlive: true })
  const answers: Answer[] = []
  let isChosen = true
  const clients = paths.flatMap((path) => Array.from({ length: clientsPerPath }, () => ask(path)))

  return {
    answers,
    count: (path, status) => answers.filter((answer) => answer.path === path && answer.status === status).length,
    over: Promise.all([watchReadiness(), ...clients]).then(() => agent.destroy()),
  }

  async function ask(path: string): Promise<void> {
    while (isChosen) answers.push(await send(agent, `${url}${path}`, { path, method: 'POST' }))
  }

  async function watchReadiness(): Promise<void> {
    while ((await send(agent, `${probeUrl}/readyz`, { path: '/readyz', method: 'GET' })).status === 200) await delay(probeEveryMs)
    isChosen = false
  }
}

async function send(agent: Agent, url: string, { path, method }: { readonly path: string; readonly method: 'GET' | 'POST' }): Promise<Answer> {
  try {
    const call = request(url, { agent, method, headers: { 'content-type': 'application/json' } })
    call.end(method === 'POST' ? JSON.stringify({ item: 'tea', quantity: 1 }) : undefined)
    const [response] = (await once(call, 'response')) as [IncomingMessage]
    let body = ''
    for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
    return { path, status: response.statusCode, body, error: undefined }
  } catch (error) {
    return { path, status: undefined, body: '', error: (error as NodeJS.ErrnoException).code ?? String(error) }
  }
}
