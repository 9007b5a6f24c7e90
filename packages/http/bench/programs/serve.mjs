import { writeSync } from 'node:fs'
import { createServer } from 'node:http'
import { answer } from '../../../core/bench/answer.mjs'

/** Answers that wait until the benchmark asks for them, and who wants to know when there are so many. */
const held = []
let onHeld = () => {}
let onSignal
const signalled = new Promise((resolve) => {
  onSignal = resolve
})

/** The server that every program of this folder is about: small answers, and `/held`, which is answered when the benchmark says so. */
export const server = createServer((request, response) => {
  if (request.url !== '/held') return response.end('hello, world\n')
  held.push(response)
  onHeld()
})
// As behind a balancer that keeps connections for 60 s; with Node's 5 s, 10,000 connections would not be idle for long enough to be counted.
server.keepAliveTimeout = 65_000

/** Listens, and from then on does what the benchmark asks. */
export async function serve() {
  if (!server.listening) await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
  answer(tasks, { port: server.address().port })
}

const tasks = {
  /** CPU time of all threads so far, in µs. */
  cpu() {
    const { user, system } = process.cpuUsage()
    return user + system
  },

  /** What is in use when there is nothing left to collect, in bytes. */
  async memory() {
    let used = Infinity
    for (;;) {
      globalThis.gc()
      await new Promise(setImmediate)
      const usage = process.memoryUsage()
      if (usage.heapUsed >= used) return usage
      used = usage.heapUsed
    }
  },

  /** Resolves when so many answers are held. */
  held: ({ count }) =>
    new Promise((resolve) => {
      onHeld = () => held.length >= count && resolve(held.length)
      onHeld()
    }),

  /** Answers what is held, one after the other, over so long, from the signal that `watch` waits for. */
  async release({ overMs }) {
    await signalled
    const responses = held.splice(0)
    responses.forEach((response, index) => setTimeout(() => response.end('at last\n'), (overMs * (index + 1)) / responses.length))
  },

  /**
   * Follows the longest time between two turns of a timer of 1 ms, and says it, and when, on the `exit` event; resolves after half a
   * second with what it is when nothing happens. The end counts as a turn: a loop that is blocked until `process.exit` was blocked.
   * `monitorEventLoopDelay` would not see that. From here on SIGTERM is noticed, behind the program's own listener.
   */
  async watch() {
    process.once('SIGTERM', onSignal)
    lookedAt = performance.now()
    setInterval(look, 1)
    process.on('exit', () => {
      look()
      writeSync(1, `\n${JSON.stringify({ stallMs: longestMs, exitAt: Number(process.hrtime.bigint()) / 1e6 })}\n`)
    })
    await new Promise((resolve) => setTimeout(resolve, 500))
    const calmMs = longestMs
    longestMs = 0
    return calmMs
  },

  longest: () => longestMs,
}

let lookedAt = performance.now()
let longestMs = 0

function look() {
  const now = performance.now()
  longestMs = Math.max(longestMs, now - lookedAt)
  lookedAt = now
}
