import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, beforeEach } from 'vitest'

/** A stop is a few timers and answers, one after the other. */
const oneAfterTheOther = 3

const program = `
const { parentPort, workerData } = require('node:worker_threads')
const everyMs = 10
let lastAt = performance.now()
setInterval(() => {
  const now = performance.now()
  workerData[0] = Math.max(workerData[0], now - lastAt - everyMs)
  lastAt = now
}, everyMs)
parentPort.postMessage('watching')
`

/**
 * For the tests of this file: returns what a bound of real time must be given besides, in ms, since the machine is busy with others. It is measured,
 * by how late a timer has run at most in this test. Another thread does it: a subject that blocks its own loop is given nothing for that.
 */
export function watchLateness(): () => number {
  const worstMs = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT))
  let worker: Worker
  beforeAll(async () => {
    worker = new Worker(program, { eval: true, workerData: worstMs })
    await once(worker, 'message')
  })
  afterAll(() => worker.terminate())
  beforeEach(() => void worstMs.fill(0))
  return () => oneAfterTheOther * (worstMs[0] ?? 0)
}
