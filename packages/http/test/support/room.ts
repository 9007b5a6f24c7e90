import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Tally } from '@lameduck/core'
import { onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer, type RawData, type ServerOptions } from 'ws'
import { httpServer, type HttpServerOptions, type HttpServerResource } from '../../src/index.ts'
import { cert, key } from './certificate.ts'
import { drainContext, quiesceContext } from './context.ts'
import { serve } from './serve.ts'

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }
export const done = { ...noWork, done: 1 }
export const unanswered = { ...noWork, unknown: 1, reasons: ['GET /chat (websocket): its last message was not answered when it was closed'] }

export const goingAway = '\x88\x02\x03\xe9'

export const textOf = (data: RawData): string => (data as Buffer).toString()

/** ws keeps it to itself. */
export const rawOf = (socket: WebSocket): Socket => (socket as unknown as { readonly _socket: Socket })._socket

/** Longer than a goodbye without a wait takes on a busy machine, shorter than the wait for an answer. */
export const soonMs = 1_200

export interface RoomInput {
  readonly options?: HttpServerOptions
  readonly ws?: ServerOptions
  readonly client?: object
  readonly path?: string
  readonly isTls?: boolean
  /** What the server does with a message. @default nothing: its handler never ends */
  readonly onMessage?: (socket: WebSocket, text: string) => unknown
}

export interface Room {
  readonly resource: HttpServerResource
  readonly client: WebSocket
  /** The server's end. */
  readonly socket: WebSocket
  readonly port: number
  /** Texts that the client has received, and the code at the end. */
  readonly received: unknown[]
  /** Resolves when the server has heard the next message. */
  readonly heard: () => Promise<unknown>
  readonly stop: () => Promise<{ readonly tookMs: number; readonly work: Tally | undefined }>
}

/** A server with one WebSocket, and its client. */
export async function room({ options, ws, client: clientOptions, path = '/chat', isTls = false, onMessage = () => {} }: RoomInput = {}): Promise<Room> {
  const server = isTls ? createTlsServer({ cert, key }) : createServer()
  const resource = httpServer(server, options)
  const sockets = new WebSocketServer({ server, ...ws })
  const port = await serve(server)
  const connected = once(sockets, 'connection') as Promise<[WebSocket]>
  const client = new WebSocket(`${isTls ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`, { rejectUnauthorized: false, ...clientOptions })
  onTestFinished(() => client.terminate())
  const received: unknown[] = []
  client.on('message', (data) => received.push(textOf(data)))
  client.on('close', (code) => received.push(code))
  await once(client, 'open')
  const [socket] = await connected
  socket.on('message', (data) => void onMessage(socket, textOf(data)))
  return { resource, client, socket, port, received, heard: () => once(socket, 'message'), stop: () => stop(resource, client) }
}

/** Resolves when the drain is over, and the client has heard of it. */
export async function stop(resource: HttpServerResource, client: WebSocket): Promise<{ readonly tookMs: number; readonly work: Tally | undefined }> {
  const closed = client.readyState === client.CLOSED ? undefined : once(client, 'close')
  const begunAt = performance.now()
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext())
  const tookMs = performance.now() - begunAt
  await closed
  return { tookMs, work: resource.tally?.() }
}
