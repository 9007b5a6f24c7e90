import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'

/** What kafkajs asks a `socketFactory` for. */
export interface SocketRequest {
  readonly host: string
  readonly port: number
  readonly ssl: ConnectionOptions
  readonly onConnect: () => void
}

export type SocketFactory = (request: SocketRequest) => Socket

/** What is known of the client's own configuration, with kafkajs' defaults filled in. */
export interface ClientSettings {
  readonly maxWaitTimeInMs: number
  readonly sessionTimeout: number
  readonly heartbeatInterval: number
}

/** The ways into one kafkajs client that must be laid when it is made. */
export interface ClientControl {
  readonly socketFactory: SocketFactory
  readonly settings: ClientSettings | undefined
  /** For `retry.restartOnFailure`. */
  readonly mayRestart: () => boolean
  /** How many sockets are open or opening. */
  readonly openSockets: () => number
  /** From now on a crash is the end: the client is not started again. */
  stayDown(): void
  /** For a client that has disconnected: closes what it has left open, and lets it open nothing any more. */
  close(): void
  /** For a client that has not: makes everything that it waits for fail. */
  cut(error: Error): void
}

/** Looked up by its global name, so that two copies of this package see each other's clients. */
const controlKey: unique symbol = Symbol.for('@lameduck/adapter-kafkajs control')

/** Makes the control of one client. `connect` is the user's own socket factory, if there is one. */
export function createClientControl(connect: SocketFactory = connectSocket, settings?: ClientSettings): ClientControl {
  const sockets = new Set<Socket>()
  let down = false
  let refused = false

  return {
    settings,
    socketFactory(request) {
      if (refused) throw new Error('this client has been stopped')
      const socket = connect(request)
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return socket
    },
    mayRestart: () => !down,
    openSockets: () => [...sockets].filter((socket) => !socket.destroyed).length,
    stayDown() {
      down = true
    },
    close() {
      down = true
      refused = true
      for (const socket of sockets) socket.destroy()
    },
    cut(error) {
      down = true
      refused = true
      // Without an error a socket only emits `close`, which kafkajs does not listen to: it would wait for its requests.
      for (const socket of sockets) socket.destroy(error)
    },
  }
}

/** Remembers the control at the client itself. */
export function attachControl(client: object, control: ClientControl): void {
  Object.defineProperty(client, controlKey, { value: control })
}

/** The control of a client that `drainableKafka` made; nothing for any other. */
export function controlOf(client: object): ClientControl | undefined {
  return (client as { [controlKey]?: ClientControl })[controlKey]
}

/** The same sockets that kafkajs opens when it is not told otherwise. */
function connectSocket({ host, port, ssl, onConnect }: SocketRequest): Socket {
  const serverName = isIP(host) === 0 ? { servername: host } : {}
  const socket = ssl ? connectTls({ host, port, ...serverName, ...ssl }, onConnect) : connectPlain({ host, port }, onConnect)
  return socket.setKeepAlive(true, 60_000)
}
