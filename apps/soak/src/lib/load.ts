import { Agent, request } from 'node:http'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Balancer } from './balancer.ts'
import type { Replica } from './replica.ts'

export interface Load {
  readonly counts: { requests: number; accepted: number; refused: number; broken: number; notes: number; unconfirmed: number }
  /** Resolves when the last request has its answer. */
  readonly end: () => Promise<void>
}

const clients = 12
const sockets = 3
const pauseMs = 40
const answerLimitMs = 25_000

/** Clients that keep their connections, and place one order or note after the other. */
export function startLoad(balancer: Balancer): Load {
  const counts = { requests: 0, accepted: 0, refused: 0, broken: 0, notes: 0, unconfirmed: 0 }
  const agent = new Agent({ keepAlive: true })
  let isOver = false
  let last = 0
  const running = [...Array.from({ length: clients }, order), ...Array.from({ length: sockets }, writeNotes)]
  return {
    counts,
    async end() {
      isOver = true
      await Promise.all(running)
      agent.destroy()
    },
  }

  async function order(): Promise<void> {
    for (; !isOver; await delay(pauseMs)) {
      const replica = balancer.next()
      if (!replica) continue
      const id = `o${(last += 1)}`
      counts.requests += 1
      const status = await ask(replica, id).catch((error: unknown) => void replica.broken.set(id, { atMs: performance.now(), why: String(error) }))
      if (status === 201) replica.accepted.add(id)
      counts[status === 201 ? 'accepted' : status === undefined ? 'broken' : 'refused'] += 1
    }
  }

  function ask(replica: Replica, id: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const asking = request({ host: '127.0.0.1', port: replica.port, path: `/${id}`, method: 'POST', agent, timeout: answerLimitMs }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0)).on('error', reject)
      })
      asking.on('timeout', () => asking.destroy(new Error('no answer'))).on('error', reject).end()
    })
  }

  /** A note that crosses the server's goodbye is confirmed to nobody, and its client writes it again: it is counted, and no loss. */
  async function writeNotes(): Promise<void> {
    for (; !isOver; await delay(200)) {
      const replica = balancer.next()
      if (!replica) continue
      const socket = new WebSocket(`ws://127.0.0.1:${replica.port}`)
      socket.on('error', () => {})
      let waiting: string | undefined
      const closed = once(socket, 'close')
      socket.on('open', send).on('message', (data: Buffer) => {
        if (data.toString() === waiting) {
          replica.accepted.add(waiting)
          counts.notes += 1
        }
        waiting = undefined
        setTimeout(send, pauseMs)
      })
      await closed.catch(() => {})
      if (waiting !== undefined) counts.unconfirmed += 1

      function send(): void {
        if (isOver) return socket.close()
        if (socket.readyState !== WebSocket.OPEN) return
        waiting = `n${(last += 1)}`
        socket.send(waiting)
      }
    }
  }
}
