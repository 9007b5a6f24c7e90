import { Server } from 'node:net'
import { trackHandlers, type Handler, type Handlers } from '../track-handlers.ts'
import { gatewaysOf, onAdapter, type Adapter, type GatewayApp, type MessageHandler } from './gateway-app.ts'
import { gatewayClient, type Connection, type GatewayClient } from './gateway-client.ts'

/** The gateways of an application: their servers, their clients, and what their handlers have in hand. */
export interface Gateways {
  readonly handlers: Handlers
  /** What cannot be drained. */
  readonly warnings: readonly string[]
  clients(): Iterable<GatewayClient>
  /** Resolves when no client is left. */
  allGone(): Promise<void>
  /** Connections of socket.io that poll this server: no upgraded socket of it is theirs. */
  polling(server: Server): readonly GatewayClient[]
}

/** The server object of one gateway: a WebSocketServer of `ws`, or a Server or Namespace of socket.io. */
interface GatewayServer {
  readonly _server?: unknown
  readonly httpServer?: unknown
  readonly engine?: Engine
  readonly server?: GatewayServer
}

interface Engine {
  readonly clients?: Readonly<Record<string, Connection>>
}

/**
 * Counts what gateways do from now on: their messages by way of the adapter, and `handleConnection` and `handleDisconnect` on their
 * instances, for Nest awaits neither.
 *
 * @param name of the resource, for the errors
 * @param onServer told of every raw server that an adapter has made or uses
 */
export function followGateways(app: GatewayApp, name: string, onServer: (server: Server) => void): Gateways {
  const handlers = trackHandlers(name)
  const clients = new Map<object, GatewayClient>()
  const engines = new Map<Engine, unknown>()
  const followed = new WeakSet<Adapter>()
  const warnings = new Set<string>()
  let onGone = (): void => {}
  for (const gateway of gatewaysOf(app)) for (const hook of ['handleConnection', 'handleDisconnect']) trackHook(gateway, hook, handlers)
  onAdapter(app, follow)

  function follow(adapter: Adapter): void {
    if (followed.has(adapter)) return
    followed.add(adapter)
    const { bindClientConnect, bindMessageHandlers, bindClientDisconnect } = adapter
    adapter.bindClientConnect = (server, callback) => {
      takeInServer(adapter, server)
      return bindClientConnect.call(adapter, server, callback)
    }
    adapter.bindMessageHandlers = (client, messages, transform) => {
      const known = takeInClient(client)
      return bindMessageHandlers.call(adapter, client, messages.map((message) => trackMessage(message, known)), transform)
    }
    if (!bindClientDisconnect) return
    adapter.bindClientDisconnect = (client, callback) =>
      bindClientDisconnect.call(adapter, client, (...parameters) => {
        callback(...parameters)
        clients.delete(connectionOf(client))
        if (clients.size === 0) onGone()
      })
  }

  function takeInServer(adapter: Adapter, server: GatewayServer): void {
    const io = server.engine ? server : server.server
    if (io?.engine) engines.set(io.engine, io.httpServer)
    const raw = [server._server, io?.httpServer, ...(adapter.httpServersRegistry?.values() ?? [])].filter((each) => each instanceof Server)
    if (raw.length === 0) warnings.add(warningOf(adapter))
    for (const each of raw) onServer(each)
  }

  function takeInClient(client: object): GatewayClient | undefined {
    const connection = connectionOf(client)
    if (typeof connection.close !== 'function') return undefined
    const known = clients.get(connection) ?? newClient(connection)
    clients.set(connection, known)
    return known
  }

  function newClient(connection: Connection): GatewayClient {
    return gatewayClient(connection, () => handlers.tally.refused('a message of socket.io'))
  }

  function trackMessage(handler: MessageHandler, client: GatewayClient | undefined): MessageHandler {
    const message = String(handler.message)
    const tracked = handlers.track(handler.callback, message, () => true, client?.begin)
    const callback: Handler = (...parameters) => {
      if (!client?.isOver) return tracked(...parameters)
      handlers.tally.refused(message)
      return Promise.resolve()
    }
    return { ...handler, callback }
  }

  return {
    handlers,
    get warnings() {
      return [...warnings]
    },
    clients: () => clients.values(),
    allGone: () => (clients.size === 0 ? Promise.resolve() : new Promise((resolve) => (onGone = resolve))),
    polling(server) {
      const connections = [...engines].flatMap(([engine, its]) => (its === server ? Object.values(engine.clients ?? {}) : []))
      return connections.filter(({ transport }) => transport?.name === 'polling').map((connection) => clients.get(connection) ?? newClient(connection))
    },
  }
}

function warningOf(adapter: Adapter): string {
  return `the gateways' adapter ${adapter.constructor.name} has servers that are not Node's: what their clients have asked is finished, but they go on asking until app.close(). Close them in onDrain, an option of nestApp().`
}

/** Several sockets of socket.io may share one connection. */
function connectionOf(client: object): Connection {
  return (client as { conn?: Connection }).conn ?? (client as Connection)
}

function trackHook(gateway: Record<string, unknown>, hook: string, handlers: Handlers): void {
  const method = gateway[hook]
  if (typeof method !== 'function') return
  const value = handlers.track(method as Handler, `${gateway.constructor.name}.${hook}`, () => false)
  Object.defineProperty(gateway, hook, { value, configurable: true, writable: true })
}
