import type { AddressInfo, Server } from 'node:net'
import { connect, type ClientHttp2Stream } from 'node:http2'
import { Client, credentials, type ClientUnaryCall } from '@grpc/grpc-js'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Nest } from '../nest.ts'
import { aborted, drainingFor, started, stepOf } from './microservice-suite.ts'
import { grpc } from './transports.ts'
import type { World } from './world.ts'

/** A `Note` with the text "it", as protobuf writes it. */
const note = Buffer.from([0x0a, 2, 0x69, 0x74])
const path = '/jobs.Jobs/Slow'
const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

function portOf({ server }: World): number {
  const [http2Server] = (server as { grpcClient: { http2Servers: Map<Server, unknown> } }).grpcClient.http2Servers.keys()
  return (http2Server?.address() as AddressInfo | undefined)?.port ?? 0
}

/** Of @grpc/grpc-js. */
function call(world: World, deadlineMs?: number): { readonly call: ClientUnaryCall; readonly code: Promise<number> } {
  const client = new Client(`127.0.0.1:${portOf(world)}`, credentials.createInsecure())
  onTestFinished(() => client.close())
  let made: ClientUnaryCall | undefined
  const code = new Promise<number>((resolve) => {
    made = client.makeUnaryRequest(path, () => note, String, 'it', deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }, (error) => resolve(error?.code ?? 0))
  })
  return { call: made as ClientUnaryCall, code }
}

/** A client that leaves its deadline to the server. Resolves with the status of the answer. */
async function callWithTimeout(world: World, timeoutMs: number): Promise<string> {
  const session = connect(`http://127.0.0.1:${portOf(world)}`)
  onTestFinished(() => session.destroy())
  const stream: ClientHttp2Stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': `${timeoutMs}m` })
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, note.length]), note]))
  return await new Promise((resolve) => stream.on('response', (headers) => resolve(String(headers['grpc-status']))))
}

/** Calls of gRPC whose handler goes on without a client. */
export function grpcSuite(nest: Nest): void {
  describe.each([false, true])(`Nest ${nest.major}, a call of gRPC, an interceptor before it: %s`, (intercepted) => {
    test.each(['before', 'in'] as const)('that its client cancels %s the stop is waited for, and done when its handler has ended', async (when) => {
      const world = await started(nest, grpc, { intercepted })
      const { call: cancelled, code } = call(world)
      await world.arrived
      if (when === 'before') await leave()
      const stopped = world.lifecycle.stop()
      if (when === 'in') await leave()
      await drainingFor(world.lifecycle)
      expect(world.order).toEqual([])
      world.finish()
      const report = await stopped
      expect({ result: report.result, work: stepOf(report)?.work, order: world.order }).toEqual({ result: 'clean', work: { ...noWork, done: 1 }, order: ['answered', 'onModuleDestroy'] })

      async function leave(): Promise<void> {
        cancelled.cancel()
        expect(await code).toBe(1)
        await vi.waitFor(() => expect((world.resource.waitingFor?.() ?? []).join()).not.toMatch(/^POST/))
      }
    })

    test('whose deadline comes first is waited for, and done when its handler has ended', async () => {
      const world = await started(nest, grpc, { intercepted })
      const { code } = call(world, 300)
      await world.arrived
      const stopped = world.lifecycle.stop()
      await aborted(world.lifecycle.draining)
      expect(await code).toBe(4)
      await drainingFor(world.lifecycle)
      expect(world.order).toEqual([])
      world.finish()
      const report = await stopped
      expect({ result: report.result, work: stepOf(report)?.work, order: world.order }).toEqual({ result: 'clean', work: { ...noWork, done: 1 }, order: ['answered', 'onModuleDestroy'] })
    })

    test('that the server answers at its deadline is cut, and not done, where its handler goes on', async () => {
      const world = await started(nest, grpc, { intercepted })
      const status = callWithTimeout(world, 300)
      await world.arrived
      const stopped = world.lifecycle.stop()
      expect(await status).toBe('4')
      await drainingFor(world.lifecycle)
      expect(world.order).toEqual([])
      world.lifecycle.shrinkTo(600)
      const report = await stopped
      expect({ result: report.result, work: stepOf(report)?.work }).toEqual({ result: 'forced', work: { ...noWork, cut: 1 } })
      expect(stepOf(report)).toMatchObject({ outcome: 'forced', inFlight: { atForce: 1 } })
    })

    test('that is cancelled, and whose handler does not end, is unknown', async () => {
      const world = await started(nest, grpc, { intercepted })
      const { call: cancelled, code } = call(world)
      await world.arrived
      const stopped = world.lifecycle.stop()
      cancelled.cancel()
      expect(await code).toBe(1)
      world.lifecycle.shrinkTo(600)
      const report = await stopped
      expect({ result: report.result, work: stepOf(report)?.work }).toEqual({ result: 'forced', work: { ...noWork, unknown: 1, reasons: [expect.stringMatching(/its handler had not ended$/)] } })
    })
  })
}
