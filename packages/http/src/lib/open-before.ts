import { ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import { Socket, type Server } from 'node:net'
import { idle, type Connection } from './connection.ts'
import { newExchange } from './exchanges.ts'

/*
 * What is open when a server is attached. Node has no documented way to list it; each of these was found in Node 20, 22, 24 and 26,
 * and where one is missing its connections are learned from their next request, and swept by Node's own `closeIdleConnections`:
 *
 * - the server's list of HTTP/1 parsers, by which Node itself finds idle connections;
 * - the set of its HTTP/2 sessions (Node 24 and later);
 * - the sockets among the process's handles, which know their server: the only way to those that were upgraded, and without TLS only.
 */
interface HttpSocket {
  readonly server?: unknown
  /** `null` when the socket was upgraded. */
  readonly parser?: object | null
  /** The answer that is being given. */
  readonly _httpMessage?: unknown
}

/** The connections of a server that are open already, and what they are. */
export function openBefore(server: Server): Map<Socket, Connection> {
  const now = performance.now()
  const open = new Map<Socket, Connection>()
  for (const socket of handlesOf(server)) if ((socket as HttpSocket).parser === null) open.set(socket, upgraded(socket, now))
  for (const socket of parsedBy(server)) open.set(socket, describe(socket, now))
  for (const session of sessionsOf(server)) {
    open.set(session.socket.valueOf() as Socket, { kind: 'http2', session, acceptedAt: now, used: true, streams: new Map() })
  }
  return open
}

/** Every open socket that the server has accepted; under TLS the raw ones. */
export function handlesOf(server: Server): Socket[] {
  const { _getActiveHandles: list } = process as typeof process & { _getActiveHandles?: () => unknown[] }
  const handles = list?.call(process) ?? []
  return handles.filter((handle): handle is Socket => handle instanceof Socket && (handle as HttpSocket).server === server && !handle.destroyed)
}

/** The sockets on which no part of a request has arrived that is not answered; `undefined` where Node does not tell. */
export function idleBy(server: Server): Set<Socket> | undefined {
  const idleOnes = parsersOf(server)?.idle?.()
  return idleOnes && new Set(idleOnes.map(({ socket }) => socket as Socket))
}

function parsedBy(server: Server): Socket[] {
  return (parsersOf(server)?.all?.() ?? []).flatMap(({ socket }) => (socket instanceof Socket && !socket.destroyed ? [socket] : []))
}

/** The parsers of the server's HTTP/1 connections. */
function parsersOf(server: Server): { all?: () => Parser[]; idle?: () => Parser[] } | undefined {
  return ownBySymbol(server, 'http.server.connections') as ReturnType<typeof parsersOf>
}

interface Parser {
  readonly socket?: unknown
}

function sessionsOf(server: Server): ServerHttp2Session[] {
  // A set that is cut off from Set's prototype, so that nobody can change what Node does with it.
  const sessions = ownBySymbol(server, 'sessions') as Partial<Iterable<ServerHttp2Session>> | undefined
  return typeof sessions?.[Symbol.iterator] === 'function' ? [...(sessions as Iterable<ServerHttp2Session>)] : []
}

function ownBySymbol(server: Server, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(server).find((each) => each.description === description)
  return symbol && (server as unknown as Record<symbol, unknown>)[symbol]
}

function describe(socket: Socket, now: number): Connection {
  const { _httpMessage: response } = socket as HttpSocket
  if (response instanceof ServerResponse) return newExchange(response, response.req.url, 0)
  return socket.bytesRead === 0 ? { kind: 'unused', acceptedAt: now } : idle
}

/** Of the request that it came from nothing is left. */
function upgraded(socket: Socket, now: number): Connection {
  return { kind: 'upgraded', method: 'UPGRADED', url: '', protocol: '', startedAt: now, stream: socket, bytesBefore: 0, bytesReadBefore: 0, lastMessage: undefined, dismissed: false }
}
