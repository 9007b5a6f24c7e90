// One replica of the proof: PROTOCOL says which server it is, STRATEGY what it does on SIGTERM.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const { PROTOCOL, STRATEGY } = process.env
const [port, probePort, windowMs, graceMs] = ['PORT', 'PROBE_PORT', 'WINDOW_MS', 'GRACE_MS'].map((name) => Number(process.env[name]))
const host = '127.0.0.1'
const pem = readFileSync(new URL('localhost.pem', import.meta.url))
const { create } = await import(`./${PROTOCOL}.mjs`)

if (STRATEGY === 'lameduck') await withLameduck()
else await withHelper()

async function withLameduck() {
  const { bindProcess, createLifecycle } = await import('@lameduck/core')
  const { httpServer } = await import('@lameduck/http')
  const { probeServer } = await import('@lameduck/probes')
  // The reserves are as small as the grace period here: with the usual ones the lame duck would be cut short for them.
  const phases = { intake: { reserveMs: 500 }, telemetry: { reserveMs: 100 } }
  const lifecycle = createLifecycle({ policy: { graceMs, lameDuck: { minMs: windowMs, quietMs: 0, maxMs: windowMs }, phases } })
  lifecycle.add(httpServer(create({ pem, draining: lifecycle.draining }), { listen: { port, host } }))
  lifecycle.add(probeServer(lifecycle, { port: probePort }))
  await bindProcess(lifecycle).ready()
}

/** What people copy. It knows nothing of event streams: their signal never aborts. */
async function withHelper() {
  const { createHttpTerminator } = await import('http-terminator')
  const server = create({ pem, draining: new AbortController().signal })
  // Before it listens: it has to see every connection.
  const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 1_000 })
  const leave = {
    close: () => server.close(() => process.exit(0)),
    'sleep-close': async () => {
      await sleep(windowMs)
      server.close(() => process.exit(0))
    },
    'http-terminator': async () => {
      await sleep(windowMs)
      await terminator.terminate()
      process.exit(0)
    },
  }[STRATEGY]
  process.once('SIGTERM', leave)
  server.listen(port, host, () => createServer((_, response) => response.end()).listen(probePort, host))
}
