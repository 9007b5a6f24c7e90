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
  const onIdle = []
  let workers = []
  let isRefusing = false
  let lastId = 0

  const settle = (id, how) => {
    tasks.get(id)?.[how](new Error('cut'))
    tasks.delete(id)
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
      if (isRefusing || workers.length === 0) return Promise.reject(new Error('refused'))
      const id = (lastId += 1)
      workers[id % workers.length].postMessage({ id, gate })
      return new Promise((resolve, reject) => tasks.set(id, { resolve, reject }))
    },
    resource: {
      name: 'threads',
      phase: 'work',
      start() {
        workers = [1, 2].map(() => new Worker(thread, { eval: true }).on('message', (id) => settle(id, 'resolve')))
      },
      quiesce() {
        isRefusing = true
      },
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
        for (const id of tasks.keys()) settle(id, 'reject')
        await end()
      },
    },
  }
}
