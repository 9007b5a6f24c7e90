import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answerOf } from './answer-of.ts'
import { freePort } from './free-port.ts'
import { guardProcess, type StartedProcess } from './guarded-process.ts'
import { describeExit, guardedRun, guardedStart, readLog } from './guarded-run.ts'
import type { Answering, Launch, Program } from './recipe.ts'
import type { Origin, Server } from './server.ts'
import { PortTaken, Unavailable, tellingLine, whyNot } from './unavailable.ts'
import { waitUntilReady } from './wait-until-ready.ts'

export interface LocalServerOptions {
  readonly args: readonly string[]
  readonly onProgress: (text: string) => void
  readonly onExit: (message: string) => void
}

const startLimitMs = 60_000

/**
 * Starts a program of this machine in a temporary folder, under a guardian, and waits until it answers.
 *
 * @throws Unavailable if the program ends or does not answer within a minute
 */
export async function startLocalServer(recipe: Answering, program: Program, source: Origin, options: LocalServerOptions): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(recipe, program, source, options)
    } catch (error) {
      if (attempt === 3 || !(error instanceof PortTaken)) throw error
    }
  }
}

async function startOnce(recipe: Answering, program: Program, source: Origin, { args, onProgress, onExit }: LocalServerOptions): Promise<Server> {
  const { title, name } = recipe
  const guarded = await guardProcess(join(tmpdir(), `lameduck-${name}-`)).catch((error: unknown) => {
    throw new Unavailable(`no folder can be made in ${tmpdir()} (${whyNot(error)})`)
  })
  const port = await freePort()
  const url = recipe.url('127.0.0.1', port)
  let running: StartedProcess | undefined
  let launch: Launch
  try {
    launch = await program.prepare({ folder: guarded.folder, port, args, run: async (step) => guardedRun(guarded, step) })
    await bringUp()
  } catch (error) {
    await guarded.stop()
    throw error instanceof Error && 'syscall' in error ? new Unavailable(`${guarded.folder} cannot be used (${error.message})`) : error
  }

  return {
    ok: true,
    name,
    url,
    source,
    detail: `${program.detail} on port ${port}`,
    get pid() {
      return running?.pid
    },
    freeze: async () => guarded.signal('SIGSTOP'),
    thaw: async () => guarded.signal('SIGCONT'),
    kill,
    restart: async () => {
      await kill()
      await bringUp()
    },
    stop: async () => {
      running = undefined
      await guarded.stop()
    },
  }

  async function bringUp(): Promise<void> {
    onProgress(`${title}: starting ${program.detail}`)
    const started = await guardedStart(guarded, launch)
    running = started
    const death = new AbortController()
    let ready = false
    void started.exited.then(async (exit) => {
      const log = await readLog(guarded)
      // A signal comes from outside: what it wrote before has nothing to do with it.
      const message = `${title} ended by itself (${describeExit(exit)})${exit.signal ? '' : `: ${tellingLine(log, 'last')}`}`
      death.abort(/address already in use|BindException/i.test(log) ? new PortTaken(message) : new Unavailable(message))
      if (running !== started) return
      running = undefined
      if (ready) onExit(message)
    })
    try {
      await waitUntilReady(async () => answerOf(recipe, url), startLimitMs, death.signal)
      ready = true
    } catch (error) {
      if (error instanceof Unavailable) throw error
      throw new Unavailable(`${title} did not answer within ${startLimitMs / 1_000} s (${whyNot(error)})`)
    }
  }

  async function kill(): Promise<void> {
    const victim = running
    running = undefined
    await guarded.signal('SIGKILL')
    if (victim) await guarded.awaitExit(victim)
  }
}
