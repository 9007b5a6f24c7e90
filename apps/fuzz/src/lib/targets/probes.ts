import { get } from 'node:http'
import type * as library from '@lameduck/probes'
import type { Input } from '../input.ts'
import type { Target } from '../target.ts'
import { stopOnTheWire } from '../wire-stop.ts'

type Probes = typeof library

const pieces = [
  'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /readyz?verbose HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /readyz/%00 HTTP/1.1\r\nHost: a\r\n\r\n', 'HEAD /startupz HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /readyz?exclude=a&exclude=%ff HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n', 'GET //a@b/livez HTTP/1.1\r\nHost: a\r\n\r\n', 'GET http://x/readyz HTTP/1.1\r\nHost: a\r\n\r\n', `GET /readyz/${'a'.repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, '\r\n', 'GET ', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /readyz?', 'verbose', ' HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /livez HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
].map((piece) => Buffer.from(piece, 'latin1'))

/** Bytes on the port of the probes. */
export const probes: Target = {
  name: 'probes',
  promise: 'whatever comes to the port of the probes: the probe of kubelet is answered while it does, and the stop ends by its deadline',
  async open(load) {
    const { probeServer } = await load<Probes>('probes/dist/index.js')
    return async (input) => {
      let isLive: Promise<boolean> | undefined
      const broken = await stopOnTheWire(load, input, {
        serve(lifecycle) {
          const resource = probeServer(lifecycle, { port: 0, host: '127.0.0.1' })
          return { resource, port: () => resource.address()?.port ?? 1 }
        },
        next(more: Input) {
          return more.below(4) === 0 ? more.bytes(1 + more.below(16)) : more.pick(pieces)
        },
        unanswered: () => 0,
        onOpen: (port: number) => (isLive ??= live(port)),
      })
      return broken ?? ((await isLive) === false ? '/livez was not answered with 200' : undefined)
    }
  },
  mutants: [
    { name: 'does-not-parse', file: 'probes/dist/lib/probe-listener.js', find: 'export function probeListener(', replace: 'export function probeListener() { return (request) => { decodeURIComponent(request.url); return false; }; }\nfunction other(' },
  ],
}

function live(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', path: '/livez', agent: false }, (response) => resolve(response.resume().statusCode === 200)).on('error', () => resolve(false))
  })
}
