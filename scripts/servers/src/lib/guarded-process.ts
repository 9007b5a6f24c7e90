import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Launch } from './recipe.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One child process at a time that ends, with its folder, no later than this process does, however this process ends. */
export interface GuardedProcess {
  readonly folder: string
  /** Starts a program, whose output is appended to the file `log` in the folder. */
  start(launch: Launch): Promise<StartedProcess>
  /** Waits for the exit of a started program; unlike the promise alone, it keeps this process alive meanwhile. */
  awaitExit(program: StartedProcess): Promise<Exit>
  /** To the program and all processes below it; without effect when none runs. */
  signal(signal: NodeJS.Signals): Promise<void>
  /** Ends the program, removes the folder, ends the guardian. */
  stop(): Promise<void>
}

export interface StartedProcess {
  readonly pid: number
  readonly exited: Promise<Exit>
}

interface Answer {
  readonly id?: number
  readonly value?: unknown
  readonly error?: string
  readonly exited?: Exit
}

const guardianFile = fileURLToPath(new URL('../../guardian.mjs', import.meta.url))

/**
 * Starts a guardian, a small process whose only tie to this one is a channel that the kernel closes when this one dies,
 * and lets it make a folder whose path begins with `prefix`. Rejects if the folder cannot be made.
 */
export async function guardProcess(prefix: string): Promise<GuardedProcess> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const guardian = spawn(process.execPath, [guardianFile], { detached: true, cwd: '/', env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let lastId = 0
  let holds = 0
  let gone = false
  let onExit: (exit: Exit) => void = () => {}

  guardian.on('message', (answer: Answer) => {
    if (answer.exited) return onExit(answer.exited)
    const call = calls.get(answer.id ?? 0)
    calls.delete(answer.id ?? 0)
    if (answer.error === undefined) call?.resolve(answer.value)
    else call?.reject(new Error(answer.error))
  })
  guardian.on('error', (error) => fail(error))
  guardian.on('exit', () => fail(new Error('the guardian process is gone')))
  rest()

  const folder = await ask({ do: 'make', prefix }).catch(async (error: unknown) => {
    await stop()
    throw error
  })

  return {
    folder: String(folder),
    start: async (launch) => {
      const exited = new Promise<Exit>((resolve) => {
        onExit = resolve
      })
      return { pid: Number(await ask({ do: 'start', ...launch })), exited }
    },
    awaitExit: async ({ exited }) => hold(exited),
    signal: async (signal) => void (await ask({ do: 'signal', signal })),
    stop,
  }

  async function stop(): Promise<void> {
    if (gone) return
    const exited = hold(once(guardian, 'exit'))
    try {
      await ask({ do: 'stop' })
    } catch (error) {
      // The answer can be overtaken by the end that it announces; an end without it has another code.
      const ended = gone ? await exited : [undefined]
      if (ended[0] !== 0) throw error
    }
    await exited
  }

  async function ask(message: object): Promise<unknown> {
    if (gone) throw new Error('it has been stopped')
    const id = ++lastId
    const answer = new Promise<unknown>((resolve, reject) => calls.set(id, { resolve, reject }))
    guardian.send({ id, ...message }, (error) => {
      if (error) fail(error)
    })
    return hold(answer)
  }

  async function hold<T>(promise: Promise<T>): Promise<T> {
    holds += 1
    guardian.ref()
    guardian.channel?.ref()
    try {
      return await promise
    } finally {
      holds -= 1
      if (holds === 0) rest()
    }
  }

  /** A server that merely runs keeps its owner from nothing. */
  function rest(): void {
    guardian.unref()
    guardian.channel?.unref()
  }

  function fail(error: Error): void {
    gone = true
    for (const { reject } of calls.values()) reject(error)
    calls.clear()
  }
}
