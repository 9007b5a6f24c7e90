import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { mendStop, type PrivateCluster, type StoppingCluster } from './stopping-cluster.ts'
import { tellWholeAnswers } from './whole-answers.ts'

/** What kafkajs asks a `socketFactory` for. */
export interface SocketRequest {
  readonly host: string
  readonly port: number
  readonly ssl: ConnectionOptions
  readonly onConnect: () => void
}

export type SocketFactory = (request: SocketRequest) => Socket

/** What is known of a client's own configuration, with kafkajs' defaults filled in; ms each. */
export interface ClientSettings {
  readonly consumer?: {
    readonly maxWaitTimeInMs: number
    readonly sessionTimeout: number
    readonly heartbeatInterval: number
    readonly rebalanceTimeout: number
  }
  readonly producer?: { readonly transactionTimeout: number }
}

/** The ways into one kafkajs client that must be laid when it is made. */
export interface ClientControl {
  readonly socketFactory: SocketFactory
  readonly settings: ClientSettings
  /** For `retry.restartOnFailure`. */
  readonly mayRestart: () => boolean
  /** How many sockets are open or opening. */
  readonly openSockets: () => number
  /** Tells of kafkajs' own view of the brokers, for a consumer. */
  setCluster(cluster: PrivateCluster): void
  /** From now on a crash is the end: the client is not started again. */
  stayDown(): void
  /** For a consumer that is to hand nothing more out, and stays a member. */
  pauseFetching(): void
  /** For a consumer whose `stop()` was called in this tick. */
  stopFetching(): void
  /** Whether the group may have another coordinator soon, that hears what this one cannot. */
  readonly isLookingForCoordinator: () => boolean
  /** Bytes that were written and that the system has not taken yet. */
  readonly unsentBytes: () => number
  /**
   * For a client that has disconnected: closes what it has left open, and lets it open nothing any more. Resolves when the system has all
   * that was written, with how many bytes it may not have taken: nobody else waits for sends without acknowledgement (`acks: 0`).
   */
  close(): Promise<number>
  /** For a client that has not: makes everything that it waits for fail. `lastWords` still go out on each connection, if it takes them at once. */
  cut(error: Error, lastWords?: Buffer): void
}

/** Looked up by its global name, so that two copies of this package see each other's clients. */
const controlKey: unique symbol = Symbol.for('@lameduck/adapter-kafkajs control')

/** Makes the control of one client. `connect` is the user's own socket factory, if there is one. */
export function createClientControl(connect: SocketFactory = connectSocket, settings: ClientSettings = {}): ClientControl {
  const sockets = new Set<Socket>()
  let down = false
  let refused = false
  let stopping: StoppingCluster | undefined

  return {
    settings,
    socketFactory(request) {
      if (refused) throw stopped()
      const socket = tellWholeAnswers(connect(request))
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return socket
    },
    mayRestart: () => !down,
    openSockets: () => [...sockets].filter((socket) => !socket.destroyed).length,
    unsentBytes: () => [...sockets].reduce((sum, socket) => sum + socket.writableLength, 0),
    setCluster(cluster) {
      stopping = mendStop(cluster, () => down && !refused)
    },
    stayDown() {
      down = true
    },
    pauseFetching: () => stopping?.pauseFetching(),
    stopFetching: () => stopping?.stopFetching(),
    isLookingForCoordinator: () => stopping?.isLookingForCoordinator() ?? false,
    async close() {
      down = true
      refused = true
      const lost = await Promise.all([...sockets].map(sayAll))
      return lost.reduce((sum, bytes) => sum + bytes, 0)
    },
    cut(error, lastWords) {
      down = true
      refused = true
      stopping?.stopFetching()
      for (const socket of sockets) {
        // libuv hands it to the system before this returns, unless the socket has more to write already.
        if (lastWords && !socket.connecting && socket.writable) socket.write(lastWords)
        // Without an error a socket only emits `close`, which kafkajs does not listen to: it would wait for its requests.
        socket.destroy(error)
      }
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

/**
 * kafkajs reads the message of whatever a socket factory throws, makes an error of it that it retries for seconds, and gives up at
 * once on a TypeError (2.2.4, `connection.js` and `retry/index.js`): so it gets one when it reads.
 */
function stopped(): Error {
  return Object.defineProperty(new Error(), 'message', {
    get: () => {
      throw new TypeError('this client has been stopped')
    },
  })
}

/** Closes a socket when all that was written to it is out. Resolves with how many bytes may not be, for it was lost before. */
function sayAll(socket: Socket): Promise<number> {
  const { writableLength } = socket
  return new Promise((resolve) => {
    const over = (): void => {
      resolve(socket.writableFinished ? 0 : writableLength)
      socket.destroy()
    }
    if (socket.connecting || socket.writableFinished || socket.destroyed) return over()
    socket.once('finish', over).once('close', over)
    socket.end()
  })
}

/** The same sockets that kafkajs opens when it is not told otherwise. */
function connectSocket({ host, port, ssl, onConnect }: SocketRequest): Socket {
  const serverName = isIP(host) === 0 ? { servername: host } : {}
  const socket = ssl ? connectTls({ host, port, ...serverName, ...ssl }, onConnect) : connectPlain({ host, port }, onConnect)
  return socket.setKeepAlive(true, 60_000)
}
