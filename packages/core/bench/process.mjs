import { fork } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Starts a program in a process of its own and waits until it is ready. `ask` sends it a question and resolves with the answer; rejects
 * when the process ends before. What it says when it is ready becomes part of the result.
 *
 * @param {URL} file a program that calls `answer`
 */
export async function startProcess(file, parameters = []) {
  const program = [basename(file.pathname, '.mjs'), ...parameters].join(' ')
  const child = fork(fileURLToPath(file), parameters, {
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
  const ready = await answered()
  return {
    ...ready,
    pid: child.pid,
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

/** Waits for all of them, and ends them when `use` is done. */
export async function using(starting, use) {
  try {
    return await use(await Promise.all(starting))
  } finally {
    for (const started of await Promise.allSettled(starting)) await started.value?.end()
  }
}
