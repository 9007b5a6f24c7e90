import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * Starts a program of the folder `programs` in a process of its own and waits until it is ready. `ask` sends it a question and resolves
 * with the answer; rejects when the process ends before.
 */
export async function start(program) {
  const child = fork(fileURLToPath(new URL(`programs/${program}.mjs`, import.meta.url)), {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal, at: performance.now() }))
  const closed = once(child, 'close')
  const answered = async () => {
    const answer = await Promise.race([once(child, 'message'), exited])
    if (Array.isArray(answer)) return answer[0].answer
    await closed
    throw new Error(`${program} ended with ${answer.code ?? answer.signal} when it was asked\n${output}`)
  }
  const { port } = await answered()
  return {
    pid: child.pid,
    port,
    exited,
    output: () => closed.then(() => output),
    kill: (signal) => child.kill(signal),
    ask(question, parameters = {}) {
      const answer = answered()
      child.send({ ask: question, ...parameters })
      return answer
    },
    async end() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Starts one of each, and ends them when `use` is done. */
export async function using(programs, use) {
  const starting = programs.map(start)
  try {
    return await use(await Promise.all(starting))
  } finally {
    for (const started of await Promise.allSettled(starting)) await started.value?.end()
  }
}
