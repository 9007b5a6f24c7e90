import { connect, type Server, type Socket } from 'node:net'
import { closeListener } from './close-listener.ts'
import { turn } from './turn.ts'

/** Each try waits until whoever has the place was accepted. Those who come meanwhile do so one at a time. */
const mostTries = 50

/** Of a socket, undocumented, but in Node 20 to 26; without it the listener is closed as it is. */
interface Connecting {
  readonly _handle?: { getpeername?(into: object): number } | null
}

/**
 * Closes a listener whose queue has one place, when this process itself has that place: then nobody is in it whom the close would reset. Whoever comes
 * to a full queue is not answered, asks again a second later, and is refused.
 */
export async function closeWithoutQueue(server: Server, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < mostTries && server.listening && !signal.aborted; tries += 1) {
    if (await closeFromWithin(server, tries)) return
    await turn()
    await turn()
  }
  closeListener(server)
}

/** In one tick: takes the place, and closes the listener if it has it. The kernel completes the handshake in the call of `connect`. */
function closeFromWithin(server: Server, tries: number): Promise<boolean> {
  return new Promise((resolve) => {
    const own = connectToOwn(server, tries)
    if (!own) return resolve(false)
    own.on('error', () => {})
    // Behind that of `connect`, which makes the call in a tick of its own.
    process.nextTick(() => {
      const isIn = (own as Socket & Connecting)._handle?.getpeername?.({}) === 0
      if (isIn) closeListener(server)
      own.destroy()
      resolve(isIn)
    })
  })
}

function connectToOwn(server: Server, tries: number): Socket | undefined {
  const at = server.address()
  if (at === null || typeof at === 'string') return undefined
  // Where it listens everywhere, by one of the two loopbacks: a container may have one of them.
  const everywhere: Readonly<Record<string, readonly string[]>> = { '::': ['::1', '127.0.0.1'], '0.0.0.0': ['127.0.0.1'] }
  const hosts = everywhere[at.address] ?? [at.address]
  try {
    return connect({ port: at.port, host: hosts[tries % hosts.length] as string })
  } catch {
    // The permission model.
    return undefined
  }
}
