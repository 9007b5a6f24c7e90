import { once } from 'node:events'
import type { Server } from 'node:net'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type * as core from '@lameduck/core'
import type { Lifecycle, Report, Resource } from '@lameduck/core'
import type { Input } from './input.ts'
import type { Load } from './libraries.ts'

const graceMs = 300
const marginMs = 50
/** Of a machine that others use, too. */
const slackMs = 1_500
const mostBytes = 200_000

/** A server that is stopped while strangers write to it. */
export interface WireStop {
  /** Adds the server to the lifecycle, and says where it listens once that has started. */
  readonly serve: (lifecycle: Lifecycle) => { readonly resource: Resource; readonly port: () => number }
  /** The next bytes of a stranger. */
  readonly next: (input: Input) => Buffer
  /** Begins a request that is answered once the stop has begun; resolves when it is in the server's hands. */
  readonly good?: (port: number) => Promise<{ readonly answered: Promise<boolean>; readonly answer: () => void; readonly close: () => void }>
  /** A stranger has connected. */
  readonly onOpen?: (port: number) => Promise<unknown>
  /** Requests of anybody whose handler has begun, and not ended, though their client is still there. */
  readonly unanswered: () => number
}

/** Returns what was broken of: the stop ends in time, the good request is answered and counted, and clean means that nothing is left. */
export async function stopOnTheWire(load: Load, input: Input, { serve, next, good, onOpen, unanswered }: WireStop): Promise<string | undefined> {
  const { createLifecycle } = await load<typeof core>('core/dist/index.js')
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs, marginMs, lameDuck: { minMs: 0, quietMs: 0, maxMs: 0 } } })
  const { resource, port } = serve(lifecycle)
  lifecycle.add(resource)
  await lifecycle.start()
  const at = port()
  const sockets: Socket[] = []
  let stopping: Promise<Report> | undefined
  let begunAt = 0
  const asked = await good?.(at)
  const stop = (): void => {
    if (stopping) return
    begunAt = performance.now()
    stopping = lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
    setTimeout(() => asked?.answer(), 20)
  }
  for (let turns = 0; !input.isOver && turns < 60; turns += 1) {
    const what = input.below(16)
    const socket = sockets[input.below(Math.max(1, sockets.length))]
    if (what < 3 || !socket) {
      sockets.push(await open(at))
      if (!stopping) await onOpen?.(at)
    } else if (what === 3) stop()
    else if (what === 4) socket.end()
    else if (what === 5) socket.destroy()
    else if (what === 6) await new Promise((resolve) => setTimeout(resolve, 2))
    else if (!socket.destroyed && socket.writableLength < mostBytes && socket.writable) socket.write(next(input))
  }
  stop()
  const report = await stopping
  const tookMs = performance.now() - begunAt
  const isAnswered = await asked?.answered
  asked?.close()
  for (const socket of sockets) socket.destroy()
  if (!report) return 'there is no report'
  if (tookMs > graceMs + slackMs) return `the stop took ${tookMs.toFixed(0)} of ${graceMs} ms`
  if (isAnswered === false) return `the request that was in flight has not been answered, and the stop is ${report.result}`
  const step = report.steps.find(({ name }) => name === resource.name)
  const done = step?.work?.done ?? 0
  if (asked && done < 1) return `the request that was answered is not counted: ${JSON.stringify(step)}`
  if (report.result === 'clean' && unanswered() > 0) return `${unanswered()} requests are without an answer, and the stop is called clean`
  return undefined
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}).resume()
  await Promise.race([once(socket, 'connect').catch(() => {}), new Promise((resolve) => socket.once('close', resolve))])
  return socket
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port
