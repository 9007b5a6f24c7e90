import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'

const ca = readFileSync(new URL('../replicas/localhost.pem', import.meta.url))

/** Node's Agent with one keep-alive connection over TLS. */
export function createSession(client) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca })
  return {
    round: () => client.attempt({ path: '/' }, (attempt) => get(client, agent, attempt)),
    close: () => agent.destroy(),
  }
}

async function get({ host, port }, agent, attempt) {
  const status = await new Promise((resolve, reject) => {
    request({ host, port, agent, signal: attempt.signal }, (response) => {
      response.on('error', reject)
      response.once('end', () => resolve(response.statusCode))
      response.resume()
    })
      .once('socket', (socket) => (socket.connecting ? socket.once('connect', () => attempt.via(socket)) : attempt.via(socket)))
      .on('error', reject)
      .end()
  })
  if (status !== 200) attempt.lose('bad-status', `HTTP ${status}`)
}
