import { once } from 'node:events'
import { WebSocket } from 'ws'

export interface OpenSocket {
  readonly id: string
  readonly socket: WebSocket
  /** What it has received. */
  readonly texts: readonly string[]
  /** Resolves with the code with which it was closed. */
  readonly closed: Promise<number>
}

/** One WebSocket for each id, open. */
export function openSockets(port: number, ids: readonly string[]): Promise<OpenSocket[]> {
  return Promise.all(
    ids.map(async (id) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/${id}`)
      const texts: string[] = []
      socket.on('message', (data) => texts.push((data as Buffer).toString()))
      const closed = new Promise<number>((resolve) => socket.on('error', () => {}).on('close', resolve))
      await once(socket, 'open')
      return { id, socket, texts, closed }
    }),
  )
}
