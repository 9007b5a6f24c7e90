import { readdirSync } from 'node:fs'

/** Answers the message `sample` with what this process holds, after a full collection of garbage; begun with `--expose-gc`. */
export function answerSamples() {
  process.on('message', (message) => {
    if (message !== 'sample') return
    globalThis.gc()
    globalThis.gc()
    const { rss, heapUsed } = process.memoryUsage()
    const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
    process.send({ sample: { rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20, fds: readdirSync('/proc/self/fd').length, listeners, atMs: process.uptime() * 1_000 } })
  })
}
