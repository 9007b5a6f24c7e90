import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { using } from '../../core/bench/process.mjs'
import { start } from './start.mjs'

/** A process that is still there so long after the last answer waits for something that is not going to happen soon: `keepAliveTimeout` is 65 s. */
export const patienceMs = 5_000

/** The clock that all processes share, at the zero of this one's. */
const monotonicOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/**
 * One process's leaving: with so many idle connections and so many requests in flight at SIGTERM. These are answered one after the
 * other over `answerMs`, from right after the signal, or, with `afterIdle`, from when all idle connections are closed.
 *
 * @returns {Promise<{ exitMs?: number, ownMs?: number, wholeMs?: number, idleMs?: number, cut: number, stuck: boolean, stallMs?: number, calmMs: number }>}
 *   `exitMs` from the end of the last answer as its client saw it (without any: from the signal) to the end of the process; `ownMs` the
 *   part until `process.exit` was called, the rest is Node and the kernel taking the process down; `wholeMs` from the signal to the end
 *   of the process; `idleMs` from the signal until all idle connections are closed; `cut` requests without a complete answer; `stallMs`
 *   the longest time the loop stood still, `calmMs` the same before the signal. What is not to be had is missing.
 */
export function leave(program, { idle, inFlight, answerMs = 0, afterIdle = false }) {
  return using(['client', program].map(start), async ([client, server]) => {
    if (idle > 0) await client.ask('idle', { port: server.port, connections: idle })
    const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
    const answers = Array.from({ length: inFlight }, () => answerOf(server.port, agent))
    await server.ask('held', { count: inFlight })
    const calmMs = await server.ask('watch')

    const idleGone = client.ask('left').then(() => performance.now())
    const signalledAt = performance.now()
    server.kill('SIGTERM')
    const idleGoneInTime = Promise.race([idleGone, sleep(patienceMs, undefined, { ref: false })])
    if (afterIdle) await idleGoneInTime
    // A process that has gone without answering has cut them.
    if (inFlight > 0) await server.ask('release', { overMs: answerMs }).catch(() => {})
    const ends = await Promise.all(answers)
    const cut = ends.filter(({ complete }) => !complete).length
    const lastAt = Math.max(signalledAt, ...ends.map(({ at }) => at))
    const end = await Promise.race([server.exited, sleep(patienceMs, undefined, { ref: false })])
    const said = end ? lastWords(await server.output()) : { stallMs: await server.ask('longest') }
    agent.destroy()
    const idleGoneAt = await idleGoneInTime
    return {
      ...(end && cut === 0 ? { exitMs: end.at - lastAt } : {}),
      ...(end && cut === 0 && said.exitAt ? { ownMs: said.exitAt - monotonicOffsetMs - lastAt } : {}),
      ...(end && cut === 0 ? { wholeMs: end.at - signalledAt } : {}),
      ...(idleGoneAt ? { idleMs: idleGoneAt - signalledAt } : {}),
      cut,
      stuck: !end,
      stallMs: said.stallMs,
      calmMs,
    }
  })
}

async function answerOf(port, agent) {
  try {
    const [response] = await once(get({ port, host: '127.0.0.1', path: '/held', agent }), 'response')
    response.resume()
    await once(response, 'end')
    return { complete: response.complete && response.statusCode === 200, at: performance.now() }
  } catch {
    return { complete: false, at: performance.now() }
  }
}

/** What a program of this folder says at its end; one that was killed by the signal says nothing. */
function lastWords(output) {
  const [line] = /^\{"stallMs":.*\}$/m.exec(output) ?? []
  return line === undefined ? {} : JSON.parse(line)
}
