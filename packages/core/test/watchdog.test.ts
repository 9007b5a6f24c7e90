import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { firstProcess, pidNamespace } from './tools/pid-namespace.ts'

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** One of both. */
  readonly end: number | NodeJS.Signals | null
  readonly stdout: readonly string[]
  readonly stderr: string
  /** From the line `ready` to the end, in ms. */
  readonly tookMs: number
  /** From the call of `startWatchdog` to that line. */
  readonly setUpMs: number
}

interface RunOptions {
  readonly flags?: readonly string[]
  readonly pid1?: boolean
  readonly env?: NodeJS.ProcessEnv
  readonly onReady?: (child: ChildProcess) => void
  /** A pipe for stderr that nobody reads, or that has no reader any more. */
  readonly stderr?: 'unread' | 'closed'
  /** A path for stderr instead. */
  readonly stderrTo?: string
}

const fixture = new URL('fixtures/watchdog/stalled.mjs', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'lameduck-watchdog-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const hasProc = process.platform === 'linux'
let files = 0

function newFile(content: string): string {
  const path = join(folder, `message-${(files += 1)}`)
  writeFileSync(path, content)
  return path
}

function newFifo(): string {
  const path = join(folder, `fifo-${(files += 1)}`)
  execFileSync('mkfifo', [path])
  return path
}

describe.each(nodes)('a watchdog on $name', ({ path: node, major, stalledEnds }) => {
  const permission = major > 20 ? '--permission' : '--experimental-permission'

  async function run(wants: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const toFile = options.stderrTo === undefined ? [] : ['sh', '-c', 'exec "$@" 2> "$0"', options.stderrTo]
    const command = [...toFile, ...(options.pid1 ? (pidNamespace ?? []) : []), node, ...(options.flags ?? []), fixture, ...wants]
    const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } })
    onTestFinished(() => void child.kill('SIGKILL'))
    const stdout: string[] = []
    let stderr = ''
    let readyAt = 0
    let setUpMs = 0
    if (options.stderr === 'closed') child.stderr.destroy()
    else if (options.stderr === undefined) child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('ready ')) return void stdout.push(line)
      readyAt = performance.now()
      setUpMs = Number(line.slice('ready '.length))
      options.onReady?.(child)
    })
    const closed = options.stderr === undefined ? once(child, 'close') : undefined
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    const tookMs = performance.now() - readyAt
    await closed
    return { code, signal, end: code ?? signal, stdout, stderr, tookMs, setUpMs }
  }

  const inJavaScript = [
    { block: 'loop', frame: 'hotLoop' },
    { block: 'wait', frame: 'waitForEver' },
    { block: 'regex', frame: 'slowExpression' },
    { block: 'exit', frame: 'exitLoop' },
  ]
  const places = pidNamespace ? [false, true] : [false]

  test.each(places.flatMap((pid1) => inJavaScript.map((each) => ({ ...each, pid1 }))))(
    'ends a process that is blocked ($block, PID 1: $pid1), and says in which step and where',
    async ({ block, frame, pid1 }) => {
      const message = newFile('{"result":"draining"}')
      const { end, stdout, stderr, tookMs, setUpMs } = await run([`block=${block}`, 'arm=9000,500', `message=${message}`, 'tell={"running":["pg"]}'], { pid1 })
      expect(stalledEnds).toContain(end)
      expect(stdout).toEqual([])
      expect(stderr).toMatch(/^lameduck: the event loop was blocked at the deadline; step "pg" was running; main thread: /)
      expect(stderr).toMatch(new RegExp(`${frame}[^←(]* \\(file:///.*stalled\\.mjs:\\d+:\\d+\\)`))
      const told = JSON.parse(readFileSync(message, 'utf8')) as { stack: string[] }
      expect(told).toMatchObject({ result: 'stalled', exitCode: 70, running: ['pg'] })
      expect(told.stack.join('\n')).toContain(frame)
      expect(setUpMs + tookMs).toBeGreaterThan(490)
      expect(setUpMs + tookMs).toBeLessThan(2_500)
    },
  )

  test.each(places)('ends a process whose main thread waits in native code for a child (PID 1: %s)', async (pid1) => {
    const message = newFile('')
    const { end, stderr } = await run(['block=child', 'arm=500', `message=${message}`, 'tell={"running":["pg","redis"]}'], { pid1 })
    expect(stalledEnds).toContain(end)
    expect(stderr).toContain('blocked at the deadline; steps "pg", "redis" were running; main thread: in native code')
    expect(JSON.parse(readFileSync(message, 'utf8'))).toEqual({ result: 'stalled', exitCode: 70, stack: [], running: ['pg', 'redis'] })
  })

  test.runIf(hasProc).each(places)('sees a signal that the blocked main thread cannot see (PID 1: %s)', async (pid1) => {
    const { end, stdout, tookMs } = await run(['block=wait', 'listening', 'budget=400'], { pid1, onReady: (child) => terminate(child, pid1) })
    expect(stalledEnds).toContain(end)
    expect(stdout).toEqual([])
    expect(tookMs).toBeGreaterThan(390)
  })

  test('ends with its code: always, or before Node 22.15 as a rule', async () => {
    const ends = await Promise.all(Array.from({ length: 4 }, async () => (await run(['block=loop', 'arm=300'])).end))
    expect(ends).toContain(70)
  })

  test.runIf(hasProc)('tells how long ago a signal came, once the main thread is free', async () => {
    const { code, stdout } = await run(['block=brief', 'listening'], { onReady: (child) => void child.kill('SIGTERM') })
    expect(code).toBe(4)
    expect(stdout).toContain('SIGTERM handled')
    const agoMs = Number(/^seen SIGTERM (\d+)$/m.exec(stdout.join('\n'))?.[1])
    expect(agoMs).toBeGreaterThan(700)
    expect(agoMs).toBeLessThan(1_100)
  })

  test.runIf(hasProc)('does not bother a main thread that sees the signal itself', async () => {
    const { end, stdout } = await run(['block=idle', 'listening', 'budget=500'], { onReady: (child) => void child.kill('SIGTERM') })
    expect(stdout).toEqual(['SIGTERM handled'])
    expect(stalledEnds).toContain(end)
  })

  test.each(['promises', 'ticks'])('sees an event loop that %s keep from its next turn', async (block) => {
    const { end, stderr } = await run([`block=${block}`, 'arm=300', 'tell={"running":["pg"]}'])
    expect(stalledEnds).toContain(end)
    expect(stderr).toMatch(/^lameduck: the event loop was blocked at the deadline; step "pg" was running; main thread: (between promises or ticks that|.*stalled\.mjs)/)
  })

  test('says when the event loop was not blocked at all', async () => {
    const { end, stderr } = await run(['block=idle', 'arm=300', 'tell={"running":["pg"]}'])
    expect(stalledEnds).toContain(end)
    expect(stderr).toBe('lameduck: the process had not ended at the deadline, but its event loop was not blocked; step "pg" was running\n')
  })

  test('says when a debugger may be the reason', async () => {
    const { end, stderr } = await run(['block=loop', 'arm=300'], { flags: ['--inspect=0'] })
    expect(stalledEnds).toContain(end)
    expect(stderr).toContain('the inspector is open, so a debugger may have paused it')
  })

  test.each([
    { block: 'nothing', code: 0 },
    { block: 'leave', code: 5 },
    { block: 'throws', code: 1 },
  ])('leaves a process alone that ends by itself ($block)', async ({ block, code }) => {
    const ended = await run([`block=${block}`, 'arm=60000', ...(hasProc ? ['listening'] : [])])
    expect(ended.code).toBe(code)
    expect(ended.stderr).toContain(block === 'throws' ? 'Error: boom' : '')
    // The error's stack has the path of the clone, which may be called lameduck.
    expect(ended.stderr).not.toMatch(/^lameduck: /m)
    expect(ended.tookMs).toBeLessThan(1_000)
  })

  test('does nothing any more when it is closed', async () => {
    const ended = await run(['block=brief', 'arm=300', 'close', 'budget=300'])
    expect(ended).toMatchObject({ code: 4, stdout: [], stderr: '' })
  })

  test.each(['closed', 'unread'] as const)('ends a process whose stderr is %s', async (stderr) => {
    const message = newFile('')
    const { end, tookMs } = await run(['block=loop', 'arm=500', `message=${message}`, ...(stderr === 'unread' ? ['fill'] : [])], { stderr })
    expect(stalledEnds).toContain(end)
    expect(JSON.parse(readFileSync(message, 'utf8'))).toMatchObject({ result: 'stalled' })
    expect(tookMs).toBeLessThan(2_500)
  })

  test('ends a process whose stderr is a full, blocking pipe that nobody reads', async () => {
    const [message, fifo] = [newFile(''), newFifo()]
    const reader = openSync(fifo, 'r+')
    const { end, tookMs } = await run(['block=output', 'arm=500', `message=${message}`], { stderrTo: fifo })
    closeSync(reader)
    // By the guard, which does not try exit(3).
    expect(end).toBe(stalledEnds.at(-1))
    expect(JSON.parse(readFileSync(message, 'utf8'))).toMatchObject({ result: 'stalled' })
    expect(tookMs).toBeLessThan(2_500)
  })

  test('ends a process although a thread of the pool hangs, which holds up exit(3)', async () => {
    const { end, stderr, tookMs } = await run(['block=loop', 'arm=500', `fifo=${newFifo()}`])
    expect(stalledEnds).toContain(end)
    expect(stderr).toContain('hotLoop')
    expect(tookMs).toBeLessThan(2_500)
  })

  test('fits the termination message into 4,096 bytes of valid JSON, and leaves nothing of a longer one', async () => {
    const message = newFile(JSON.stringify({ result: 'draining', text: 'x'.repeat(6_000) }))
    const text = 'ü'.repeat(1_950)
    await run(['block=loop', 'arm=300', `message=${message}`, `tell=${JSON.stringify({ text })}`])
    const bytes = readFileSync(message)
    expect(bytes.length).toBeLessThanOrEqual(4_096)
    expect(JSON.parse(bytes.toString())).toMatchObject({ result: 'stalled', text })
  })

  test.each(['/nowhere/termination-log', tmpdir()])('needs no file for the termination message (%s)', async (path) => {
    const { end, stderr } = await run(['block=loop', 'arm=300', `message=${path}`, 'tell=not JSON'])
    expect(stalledEnds).toContain(end)
    expect(stderr).toContain('hotLoop')
  })

  test('is unaffected by what is preloaded and by the flags of the process', async () => {
    const preload = join(folder, 'preload.cjs')
    writeFileSync(preload, "require('node:fs').writeSync(1, 'preloaded\\n')\n")
    const env = { NODE_OPTIONS: `--require ${preload}` }
    const flags = ['--import', preload, '--require', preload, '--throw-deprecation', '--pending-deprecation', '--frozen-intrinsics', '--disallow-code-generation-from-strings']
    const { end, stdout, stderr } = await run(['block=loop', 'arm=500'], { flags: ['--no-warnings', ...flags], env })
    expect(stalledEnds).toContain(end)
    expect(stdout).toEqual(['preloaded'])
    expect(stderr).toContain('hotLoop')
  })

  test.each([
    { flags: [permission, '--allow-fs-read=*', '--allow-fs-write=*', '--no-warnings'], wants: [], why: /could not be started: .*Access to this API has been restricted/ },
    { flags: [], wants: ['noMemory'], why: /1 MB are left of the memory limit/ },
  ])('says why there is none, and harms nothing ($why)', async ({ flags, wants, why }) => {
    const { code, stdout, stderr } = await run(['block=brief', 'arm=200', 'tell={}', ...wants], { flags })
    expect(code).toBe(4)
    expect(stdout).toHaveLength(1)
    expect(stdout[0]).toMatch(why)
    expect(stderr).toBe('')
  })

  test('ends a process that may have a thread but neither an inspector nor children', async () => {
    const flags = [permission, '--allow-worker', '--allow-fs-read=*', '--allow-fs-write=*', '--no-warnings']
    const { end, stderr } = await run(['block=loop', 'arm=500'], { flags })
    expect(stalledEnds).toContain(end)
    expect(stderr).toBe('lameduck: the event loop was blocked at the deadline; main thread: in native code, or its stack may not be read\n')
  })

  test.each(places)('ends a process that has no WebAssembly either (PID 1: %s)', async (pid1) => {
    const flags = [permission, '--allow-worker', '--allow-fs-read=*', '--allow-fs-write=*', '--no-warnings', '--jitless']
    const { code, signal } = await run(['block=loop', 'arm=500'], { flags, pid1 })
    // The code of a namespace is unshare's: it sends itself the signal that ended PID 1.
    expect(signal ?? code).toBe(pid1 ? 'SIGSEGV' : 'SIGKILL')
  })
})

/** `unshare` does not pass the signal on. */
function terminate(child: ChildProcess, pid1: boolean): void {
  const pid = child.pid as number
  process.kill(pid1 ? firstProcess(pid) : pid, 'SIGTERM')
}
