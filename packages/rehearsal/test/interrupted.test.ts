import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { rehearse, RehearsalError, type RehearsalEvent } from '../src/index.ts'
import { fixture, rehearseServer } from './rehearse-server.ts'

describe('a rehearsal that cannot go on', () => {
  it('tells which replica never got ready, with its last lines, and leaves nothing behind', async () => {
    const started: number[] = []
    const error = await rejectionOf(
      rehearseServer({ env: { READY: 'no' }, readyTimeoutMs: 700, onEvent: (event) => event.type === 'replica-started' && started.push(event.pid) }),
    )
    expect(error).toMatchObject({ code: 'replica-not-ready', replica: expect.stringMatching(/^old-[12]$/) })
    expect(error.message).toMatch(/did not answer its readiness probe within 700 ms/)
    expect(error.message).toMatch(/\/readyz\): 503/)
    expect(error.message).toMatch(/old-[12] listens/)
    expect(started).toHaveLength(2)
    for (const pid of started) expect(isAlive(pid)).toBe(false)
  })

  it('tells at once when a replica ends before it is ready', async () => {
    const error = await rejectionOf(
      rehearseServer({ command: [process.execPath, '-e', 'console.error("cannot find my config"); process.exit(4)'] }),
    )
    expect(error.message).toMatch(/ended before it was ready \(exit code 4\)/)
    expect(error.message).toMatch(/cannot find my config/)
  })

  it('tells when the command cannot be started', async () => {
    const error = await rejectionOf(rehearseServer({ command: ['no-such-program-at-all'] }))
    expect(error).toMatchObject({ code: 'replica-not-ready' })
    expect(error.message).toMatch(/ENOENT/)
  })

  it('tells when the client script throws', async () => {
    const error = await rejectionOf(rehearseServer({ load: { fast: 2, slow: 0, script: fixture('throws.mjs') } }))
    expect(error).toMatchObject({ code: 'load-failed' })
    expect(error.message).toMatch(/TypeError: this script has a bug/)
  })

  it('tells when a listener throws', async () => {
    const error = await rejectionOf(
      rehearseServer({
        onEvent() {
          throw new Error('no')
        },
      }),
    )
    expect(error.message).toBe('onEvent threw: Error: no')
  })

  it('refuses bad options before it starts anything', async () => {
    await expect(rehearse({ command: [] })).rejects.toThrow(/command must be a program/)
    await expect(rehearseServer({ rollout: { terminate: 5 } })).rejects.toThrow('rollout.terminate (5) must not be above replicas (2)')
    await expect(rehearseServer({ load: { script: 'client.js' } })).rejects.toThrow(/absolute path; it is "client.js"/)
    await expect(rehearseServer({ warmUpMs: Number.NaN })).rejects.toThrow(/warmUpMs must be a number of milliseconds/)
  })
})

describe('a rehearsal that is ended from outside', () => {
  it('stops everything when its signal aborts, in the middle of a termination', async () => {
    const controller = new AbortController()
    const why = new Error('enough')
    const pids: number[] = []
    let serviceUrl = ''
    const onEvent = (event: RehearsalEvent): void => {
      if (event.type === 'service-listening') serviceUrl = event.url
      if (event.type === 'replica-started') pids.push(event.pid)
      if (event.type === 'replica-signalled') controller.abort(why)
    }
    const error = await rejectionOf(rehearseServer({ env: { ON_TERM: 'ignore' }, signal: controller.signal, onEvent }))
    expect(error).toMatchObject({ code: 'interrupted', cause: why })
    expect(pids).toHaveLength(3)
    for (const pid of pids) expect(isAlive(pid)).toBe(false)
    await expect(fetch(serviceUrl)).rejects.toThrow()
    expect(process.listenerCount('SIGTERM')).toBe(0)
  })

  it('does not start when the signal has aborted before', async () => {
    const pids: number[] = []
    const options = { signal: AbortSignal.abort(), onEvent: (event: RehearsalEvent) => event.type === 'replica-started' && pids.push(event.pid) }
    expect(await rejectionOf(rehearseServer(options))).toMatchObject({ code: 'interrupted' })
    expect(pids).toEqual([])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('lets nothing outlive its owner that gets %s, which then dies by it', async (signal) => {
    const { owner, pids } = await startOwner('signal')
    owner.kill(signal)
    expect(await once(owner, 'exit')).toEqual([null, signal])
    await Promise.all(pids.map(gone))
  })

  it('lets nothing outlive its owner that calls process.exit', async () => {
    const { owner, pids } = await startOwner('exit')
    owner.send('now')
    expect(await once(owner, 'exit')).toEqual([9, null])
    await Promise.all(pids.map(gone))
  })
})

/** Waits until two replicas, each with a child, are under load. */
async function startOwner(handled: string): Promise<{ owner: ChildProcess; pids: number[] }> {
  const owner = fork(fixture('owner.mjs'), [handled], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] })
  const pids: number[] = []
  await new Promise<void>((resolve) => {
    owner.on('message', (message: { type: string; text?: string }) => {
      const pid = /^pid (\d+)$/.exec(message.text ?? '')?.[1]
      if (pid !== undefined) pids.push(Number(pid))
      if (message.type === 'under-load') resolve()
    })
  })
  expect(pids).toHaveLength(4)
  return { owner, pids }
}

async function rejectionOf(promise: Promise<unknown>): Promise<RehearsalError> {
  const error = await promise.then(
    () => new Error('it did not reject'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(RehearsalError)
  return error as RehearsalError
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // An orphan that is dead and not yet reaped by init is there, but not alive.
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** SIGKILL was sent, but nobody waits for it in the moment of an exit. The test's timeout is the bound. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
}
