import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'

/** A client that shows the bytes, and every way in which the connection can end. */
export interface RawClient {
  readonly socket: Socket
  send(text: string): void
  text(): string
  /** Resolves when what was received matches; rejects when the connection ends before. */
  until(pattern: RegExp): Promise<string>
  /** How the connection ended: `end` is a clean FIN. */
  readonly ended: Promise<'end' | NodeJS.ErrnoException>
}

export async function rawClient(port: number, options: { readonly allowHalfOpen?: boolean } = {}): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', ...options })
  const client = watch(socket)
  await once(socket, 'connect')
  return client
}

export function watch(socket: Socket): RawClient {
  let text = ''
  let over: 'end' | NodeJS.ErrnoException | undefined
  const checks = new Set<() => void>()
  const check = (): void => {
    for (const one of checks) one()
  }
  onTestFinished(() => void socket.destroy())
  const ended = new Promise<'end' | NodeJS.ErrnoException>((resolve) => {
    socket.on('end', () => finish('end'))
    socket.on('error', finish)
    function finish(how: 'end' | NodeJS.ErrnoException): void {
      over ??= how
      resolve(how)
      check()
    }
  })
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    check()
  })
  return {
    socket,
    ended,
    send: (data) => void socket.write(data),
    text: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(text) && over === undefined) return
          checks.delete(look)
          if (pattern.test(text)) resolve(text)
          else reject(new Error(`ended (${String(over)}) before ${String(pattern)}; received: ${text}`))
        }
        checks.add(look)
        look()
      }),
  }
}

export function get(path: string, headers: string = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: test\r\n${headers}\r\n`
}

/** Reads nothing until told to, then counts the bytes. */
export function stalled(socket: Duplex): { resume(): Promise<number> } {
  socket.pause()
  return {
    resume: () =>
      new Promise((resolve) => {
        let bytes = 0
        socket.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        socket.on('error', () => {})
        socket.on('close', () => resolve(bytes))
        socket.resume()
      }),
  }
}
