import { fileURLToPath } from 'node:url'

const script = (name) => fileURLToPath(new URL(`clients/${name}.mjs`, import.meta.url))

/** `http2.Server.close()` says GOAWAY since Node 24: after a sleep that is enough where what is refused is repeated (@grpc/grpc-js), or cannot be prevented (over TLS). */
const isEnough = (helper, major) => helper === 'sleep-close' && major >= 24

/** One stream for each of 24 clients; they last for most of a run. */
const leastStreams = 24

/**
 * What is rehearsed. Every client pauses for less than the window, so that a lame duck that does what it says loses nothing;
 * `mayLose` says of a loss that no server can prevent it, and why is in the README; `isEnough` of a helper that it is as good here; `leastSent` is what a run must have sent to show anything.
 */
export const scenarios = [
  { name: 'agent', title: 'keep-alive, Node Agent', protocol: 'http', load: {} },
  { name: 'undici', title: 'keep-alive, undici', protocol: 'http', load: { script: script('undici') } },
  { name: 'wrk', title: 'keep-alive, wrk', protocol: 'http', load: { script: script('wrk'), fast: 1, slow: 0 }, needs: 'wrk' },
  { name: 'post', title: 'POST bodies', protocol: 'http', load: { script: script('post') } },
  { name: 'proxy', title: 'a proxy, http-proxy', protocol: 'proxy', load: {} },
  { name: 'tls', title: 'TLS, Node Agent', protocol: 'https', load: { script: script('tls') } },
  { name: 'pipelining', title: 'pipelining, 3 at once', protocol: 'http', env: { RAN: '1' }, load: { script: script('pipelining') } },
  { name: 'grpc', title: 'gRPC, h2c', protocol: 'http2', load: { script: script('grpc') }, isEnough },
  { name: 'grpc-tls', title: 'gRPC, TLS', protocol: 'http2', env: { TLS: '1' }, load: { script: script('grpc') }, isEnough },
  { name: 'http2', title: 'node:http2, h2c', protocol: 'http2', load: { script: script('http2') }, mayLose: (failure) => failure.detail.includes('by the client itself') },
  { name: 'http2-tls', title: 'node:http2, TLS', protocol: 'http2', env: { TLS: '1' }, load: { script: script('http2') }, mayLose: (failure) => failure.detail.includes('NGHTTP2_REFUSED_STREAM'), isEnough },
  { name: 'websocket', title: 'WebSocket, ws', protocol: 'websocket', load: { script: script('websocket') } },
  { name: 'events', title: 'server-sent events', protocol: 'events', load: { script: script('events') }, leastSent: leastStreams },
]

/** Ways to leave: the one that is proved, and those that people copy. */
export const helpers = ['close', 'sleep-close', 'http-terminator']
export const strategies = ['lameduck', ...helpers]

export const delaysMs = [0, 5]
export const propagationsMs = [0, 500, 2_000]

/** The longest pause of a client, in ms. */
export const slowPauseMs = 400

/** Longer than the propagation and than the longest pause, by what a request and a slow machine need. */
export const windowFor = (propagationMs) => Math.max(propagationMs + 500, slowPauseMs + 300)
