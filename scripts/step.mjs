import { spawn } from 'node:child_process'

/**
 * One piece of work that may take long: a line when it has run for 2 s, its time while it runs, a line when it is
 * over. On a terminal the line is drawn over itself; elsewhere (a CI log) it is printed once in 15 s.
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
    end(how = 'done') {
      const outcome = how !== 'done' && ending ? 'interrupted' : how
      clearTimeout(first)
      clearInterval(timer)
      if (!shown && outcome === 'done') return
      process.stderr.write(`${live && shown ? '\r\u001B[2K' : ''}  ${label}: ${outcome}, ${seconds()}\n`)
    },
  }
}

/** A failure that needs no stack: the message says what happened and what to do. */
export class StepError extends Error {}

/** What a parser of options makes of them; a mistake of the user is a line without a stack. */
export function parsed(parse, Mistake) {
  try {
    return parse()
  } catch (error) {
    throw error instanceof Mistake ? new StepError(error.message) : error
  }
}

/** Every child that is running, so that Ctrl-C can take them all along. */
const children = new Set()
let ending = false

/**
 * Runs a program to its end and resolves with its exit code and output. With `show`, its output goes straight
 * to this process's; without, its end is kept for the message of a failure, and with `wanted`
 * all of its stdout. It gets a process group of its own, so that
 * what it starts ends with it.
 */
export function run(program, parameters, { env = process.env, cwd, show = false, wanted = false } = {}) {
  if (ending) return Promise.reject(new StepError('interrupted'))
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { cwd, env, detached: true, stdio: show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'] })
    children.add(child)
    let output = ''
    let stdout = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000)
    }
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      keep(chunk)
      if (wanted) stdout += chunk
    })
    child.stderr?.on('data', keep)
    child.on('error', (error) => {
      children.delete(child)
      reject(new StepError(`cannot run ${program}: ${error.message}`))
    })
    child.on('close', (code, signal) => {
      children.delete(child)
      resolve({ code: code ?? 128, signal, output, stdout })
    })
  })
}

/** SIGTERM to every child's group; after 3 s SIGKILL. */
async function endChildren() {
  const left = [...children].map((child) => new Promise((resolve) => child.once('close', resolve)))
  const signalAll = (signal) => {
    for (const { pid } of children) {
      try {
        process.kill(-pid, signal)
      } catch {
        // Gone already.
      }
    }
  }
  signalAll('SIGTERM')
  const impatience = setTimeout(() => signalAll('SIGKILL'), 3_000)
  await Promise.all(left)
  clearTimeout(impatience)
}

/**
 * Runs a command's main function and exits. A signal ends the children, then what was registered with `onEnd`
 * (async functions, the last registered first), then this process; a second one exits at once. A `StepError` is one
 * message. `main` may return the exit code.
 */
export async function command(main) {
  const endings = []
  let ended
  const endAll = () =>
    (ended ??= (async () => {
      ending = true
      await endChildren()
      // What uses a server before the server.
      for (const end of endings) await end().catch((error) => process.stderr.write(`${error?.message ?? error}\n`))
    })())
  const interrupt = (why, code) => {
    if (ended) process.exit(code)
    if (why) process.stderr.write(`\n${why}: stopping what was started\n`)
    void endAll().then(() => process.exit(code))
  }
  process.on('SIGINT', () => interrupt('SIGINT', 130))
  process.on('SIGTERM', () => interrupt('SIGTERM', 143))
  process.on('SIGHUP', () => interrupt('SIGHUP', 129))
  // `npm start | head`: nobody reads any more.
  process.stdout.on('error', () => interrupt('', 1))
  process.stderr.on('error', () => {})
  followNpm(() => interrupt('npm is gone', 143))

  let code = 1
  try {
    code = (await main({ onEnd: (end) => endings.unshift(end) })) ?? 0
  } catch (error) {
    if (!ended) process.stderr.write(`${error instanceof StepError ? error.message : (error?.stack ?? String(error))}\n`)
  }
  if (ended) return
  await endAll()
  process.exit(code)
}

/** A signal to npm reaches the shell that it has put between, and not this process; what shows is that the parent is gone. */
function followNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    onGone()
  }, 200)
  timer.unref()
}
