import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** EventSource comes back after seconds; this is only long enough that the end of the connection has arrived before. */
const reconnectMs = 200

/** Reads one stream after the other. Each must end with the event `bye` and the last chunk; one that is open at the end is good. */
export function createSession(client) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    async round() {
      await client.attempt({ path: '/events', timeoutMs: 'none' }, (attempt) => read(client, agent, attempt))
      await sleep(reconnectMs, undefined, { signal: client.signal }).catch(() => {})
    },
    close: () => agent.destroy(),
  }
}

async function read({ host, port, signal, record }, agent, attempt) {
  let text = ''
  try {
    await new Promise((resolve, reject) => {
      get({ host, port, path: '/events', agent, signal }, (response) => {
        response.setEncoding('utf8').on('data', (data) => (text += data))
        response.once('end', resolve)
        response.on('error', reject)
      })
        .once('socket', (socket) => attempt.via(socket))
        .on('error', reject)
    })
  } catch (error) {
    if (signal.aborted) return record('open-at-end', 'yes')
    throw error
  }
  if (!text.endsWith('event: bye\ndata:\n\n')) return attempt.lose('truncated', `the last event is ${JSON.stringify(text.slice(-30))}`)
  record('ended', 'yes')
}
