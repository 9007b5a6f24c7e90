import { spawn } from 'node:child_process'

/**
 * One piece of set-up that may take long: a line when it begins, its time while it runs, a line when it is over.
 * On a terminal the line is drawn over itself; elsewhere (a CI log) it is printed once in 15 s.
 */
export function progress(label) {
  const begun = Date.now()
  const seconds = () => `${((Date.now() - begun) / 1000).toFixed(0)} s`
  const live = process.stderr.isTTY === true
  let detail = ''
  let shown = false
  const draw = () => {
    shown = true
    const text = `  ${label}${detail ? `: ${detail}` : ''} … ${seconds()}`
    process.stderr.write(live ? `\r\u001B[2K${text.slice(0, (process.stderr.columns ?? 100) - 1)}` : `${text}\n`)
  }
  const first = setTimeout(draw, 2_000)
  const timer = setInterval(draw, live ? 1_000 : 15_000)
  return {
    detail: (text) => {
      detail = text
    },
    end(outcome = 'done') {
      clearTimeout(first)
      clearInterval(timer)
      if (!shown && outcome === 'done') return
      process.stderr.write(`${live && shown ? '\r\u001B[2K' : ''}  ${label}: ${outcome}, ${seconds()}\n`)
    },
  }
}

/** Every child that is running, so that Ctrl-C can take them all along. */
const children = new Set()

/**
 * Runs a program to its end and resolves with its exit code and output. With `show`, its output goes straight
 * to this process's; without, it is kept for the message of a failure.
 */
export function run(command, parameters, { env = process.env, cwd, show = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { cwd, env, stdio: show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'] })
    children.add(child)
    let output = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.on('error', (error) => {
      children.delete(child)
      reject(error)
    })
    child.on('close', (code, signal) => {
      children.delete(child)
      resolve({ code: code ?? 128, signal, output })
    })
  })
}

/** A failure that needs no stack: the message says what happened and what to do. */
export class StepError extends Error {}

/**
 * Runs a command's main function: Ctrl-C ends the children and then this process, a `StepError` is one message.
 * `main` may return the exit code, and registers what must be stopped with `onEnd` (an async function; the last registered runs first).
 */
export async function command(main) {
  const endings = []
  let ended
  const endAll = () =>
    (ended ??= (async () => {
      for (const child of children) child.kill('SIGTERM')
      // The last thing that was begun is ended first: what uses a server before the server.
      for (const ending of endings.toReversed()) await ending().catch((error) => process.stderr.write(`${error?.stack ?? error}\n`))
    })())
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.on(signal, () => {
      if (ended) return
      process.stderr.write(`\n${signal}: stopping what was started\n`)
      void endAll().then(() => process.exit(code))
    })
  }
  let code = 1
  try {
    code = (await main({ onEnd: (ending) => endings.push(ending) })) ?? 0
  } catch (error) {
    if (ended) return
    process.stderr.write(`${error instanceof StepError ? error.message : (error?.stack ?? String(error))}\n`)
  }
  if (ended) return
  await endAll()
  process.exitCode = code
}
