import { request, type Agent } from 'node:http'

export interface Question {
  readonly port: number
  readonly path: string
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** @default a connection for each */
  readonly agent?: Agent
  /** Called for each piece of the answer, as it comes. */
  readonly onData?: (text: string) => void
}

/** What became of a request. */
export interface Answer {
  /** Whether there was a connection, so that the service may have had it. */
  readonly isTaken: boolean
  /** 0 without a complete answer. */
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
  /** Why there is no answer. */
  readonly error: string
}

/**
 * A server ends a connection on which nothing has arrived for 500 ms (`unusedGraceMs`). Where this process was kept from sending for as long as that, by
 * the load of the machine, the server has never had the request.
 */
const unusedMs = 400

/** Asks, and never rejects. */
export function ask({ port, path, method = 'GET', body, headers = {}, agent, onData = () => {} }: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const begunAt = performance.now()
    let isTaken = false
    let text = ''
    const fail = (error: Error & { code?: string }): void => resolve({ isTaken, status: 0, headers: {}, body: text, error: error.code ?? error.message })
    const asking = request({ host: '127.0.0.1', port, path, method, headers, agent: agent ?? false }, (answer) => {
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
        onData(piece)
      })
      answer.on('end', () => (answer.complete ? resolve({ isTaken, status: answer.statusCode ?? 0, headers: answer.headers, body: text, error: '' }) : fail(new Error('cut'))))
      answer.on('error', fail)
    })
    asking.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => (isTaken = performance.now() - begunAt < unusedMs))
      else isTaken = true
    })
    asking.on('error', fail)
    asking.end(body)
  })
}
