import { closedError, createTally, cutError } from '@lameduck/core'
import { Worker } from 'node:worker_threads'

// A pool of threads as somebody outside this repository might write it, in plain JavaScript.
const thread = `
  const { parentPort } = require('node:worker_threads')
  parentPort.on('message', ({ id, gate }) => {
    if (gate) Atomics.wait(new Int32Array(gate), 0, 0)
    parentPort.postMessage(id)
  })`

export function createPool({ forgetsToEnd = false } = {}) {
  const tasks = new Map()
  const tally = createTally()
  const onIdle = []
  let workers = []
  let isRefusing = false
  let lastId = 0

  const settle = (id, error) => {
    const task = tasks.get(id)
    if (!task) return
    tasks.delete(id)
    if (error) tally.cut()
    else tally.done()
    if (error) task.reject(error)
    else task.resolve()
    if (tasks.size === 0) for (const resolve of onIdle.splice(0)) resolve()
  }
  const end = async () => {
    const ending = workers
    workers = []
    await Promise.all(ending.map((worker) => worker.terminate()))
  }
  return {
    end,
    run(gate) {
      if (isRefusing || workers.length === 0) {
        tally.refused('task')
        return Promise.reject(closedError('threads', 'task'))
      }
      const id = (lastId += 1)
      workers[id % workers.length].postMessage({ id, gate })
      return new Promise((resolve, reject) => tasks.set(id, { resolve, reject }))
    },
    resource: {
      name: 'threads',
      phase: 'work',
      start() {
        workers = [1, 2].map(() => new Worker(thread, { eval: true }).on('message', (id) => settle(id)))
      },
      quiesce() {
        isRefusing = true
        tally.begin()
      },
      tally: tally.read,
      inFlight: () => tasks.size,
      waitingFor: () => [...tasks.keys()].map((id) => `task ${id}`),
      async drain({ signal }) {
        if (tasks.size > 0 && !signal.aborted) {
          await new Promise((resolve) => {
            onIdle.push(resolve)
            signal.addEventListener('abort', resolve, { once: true })
          })
        }
        if (!signal.aborted && !forgetsToEnd) await end()
      },
      async force() {
        isRefusing = true
        for (const id of tasks.keys()) settle(id, cutError('threads', 'task'))
        await end()
      },
    },
  }
}
