import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** All connections of one wrk, which repeats nothing and never pauses. Its totals go to the records; each of its errors is lost. */
export async function session(client) {
  // wrk's own requests are counted by wrk, at the end: this one tells the rehearsal that there is a load.
  await client.request({ path: '/', headers: { connection: 'close' } })
  const wrk = spawn(process.env.WRK, ['-t1', '-c16', '-d600', client.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: process.env.WRK_LIBRARIES ? { ...process.env, LD_LIBRARY_PATH: process.env.WRK_LIBRARIES } : process.env,
  })
  const output = text(wrk.stdout)
  // It prints its figures on SIGINT, too.
  const stop = () => wrk.kill('SIGINT')
  client.signal.addEventListener('abort', stop, { once: true })
  await once(wrk, 'close')
  const figures = await output
  if (!client.signal.aborted) throw new Error(`wrk ended by itself:\n${figures}`)
  client.record('requests', /(\d+) requests in/.exec(figures)[1])
  const errors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(figures)?.slice(1).map(Number) ?? [0, 0, 0, 0]
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(figures)?.[1] ?? 0)
  const reasons = ['refused', 'reset-before-headers', 'failed', 'timeout', 'bad-status']
  for (const [index, count] of [...errors, bad].entries()) {
    for (let each = 0; each < count; each++) await client.attempt({ path: '/' }, (attempt) => attempt.lose(reasons[index], 'counted by wrk'))
  }
}
