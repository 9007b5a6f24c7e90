import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram } from './tools/find-program.ts'
import { nodes, type NodeUnderTest } from './tools/nodes.ts'
import { firstProcess, pidNamespace } from './tools/pid-namespace.ts'
import { programPath } from './tools/run-program.ts'

const service = programPath('wrapped')
const run = `node '${service}'`
/** From SIGTERM to SIGKILL: longer than the drain, and all that a platform grants. */
const graceMs = 5_000
/** dash keeps a shell around its last command; bash and ash replace themselves by it. */
const shReplacesItself = !basename(realpathSync('/bin/sh')).includes('dash')

interface Stop {
  /** Whether the report was there when the outermost process was gone: then the platform takes everything else away. */
  readonly drained: boolean
  /** How the outermost process ended; `never` where only SIGKILL helped. */
  readonly exit: number | NodeJS.Signals | 'never'
  readonly warnings: readonly string[]
  readonly lines: readonly string[]
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lameduck wrappers-'))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'orders', scripts: { start: run, replaced: `exec ${run}` } }))
  await script('plain.sh', `${run}\n`)
  await script('exec.sh', `exec ${run}\n`)
  // The first wait ends with the trap, not with the service.
  await script('trap.sh', `trap 'kill -TERM $service' TERM\n${run} & service=$!\nwait $service\nwait $service\n`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function script(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${text}`)
  await chmod(join(folder, name), 0o755)
}

interface Case {
  readonly name: string
  /** `{tini}` and the like are programs; where one cannot be had, the test is skipped. */
  readonly command: readonly string[]
  /** What a stop is like, with the outermost process as PID 1 and as any other. A process without a handler cannot be ended as PID 1. */
  readonly asPid1: readonly ['drained' | 'lost', Stop['exit']]
  readonly elsewhere: readonly ['drained' | 'lost', Stop['exit']]
  readonly fromNode?: number
  readonly needsRoot?: true
}

const drained = { asPid1: ['drained', 0], elsewhere: ['drained', 0] } as const
const ignored = { asPid1: ['lost', 'never'], elsewhere: ['lost', 'SIGTERM'] } as const
const initLeaves = { asPid1: ['lost', 143], elsewhere: ['lost', 143] } as const
const runnerLeaves = shReplacesItself ? drained : ({ asPid1: ['lost', 1], elsewhere: ['lost', 'SIGTERM'] } as const)

const cases: readonly Case[] = [
  { name: 'node', command: ['node', service], ...drained },
  { name: 'dash -c', command: ['{dash}', '-c', run], ...ignored },
  { name: 'dash -c with exec', command: ['{dash}', '-c', `exec ${run}`], ...drained },
  { name: 'bash -c', command: ['{bash}', '-c', run], ...drained },
  { name: 'bash -c, not its last command', command: ['{bash}', '-c', `${run}; true`], ...ignored },
  { name: 'busybox sh -c', command: ['{busybox}', 'sh', '-c', run], ...drained },
  { name: 'busybox sh -c, not its last command', command: ['{busybox}', 'sh', '-c', `${run}; true`], ...ignored },
  { name: 'a script', command: ['./plain.sh'], ...ignored },
  { name: 'a script that execs', command: ['./exec.sh'], ...drained },
  { name: 'a script with a trap', command: ['./trap.sh'], ...drained },
  { name: 'npm start', command: ['{npm}', 'start'], ...runnerLeaves },
  { name: 'npm start --script-shell=bash', command: ['{npm}', 'start', '--script-shell={bash}'], ...drained },
  { name: 'npm run, a script that execs', command: ['{npm}', 'run', 'replaced'], ...drained },
  { name: 'dash -c npm run, a script that execs', command: ['{dash}', '-c', 'npm run replaced; true'], ...ignored },
  { name: 'pnpm start', command: ['{pnpm}', 'start'], ...runnerLeaves },
  { name: 'pnpm run, a script that execs', command: ['{pnpm}', 'run', 'replaced'], ...drained },
  { name: 'node --run', command: ['node', '--run', 'start'], ...ignored, fromNode: 22 },
  { name: 'node --run, a script that execs', command: ['node', '--run', 'replaced'], ...ignored, fromNode: 22 },
  { name: 'tini', command: ['{tini}', '--', 'node', service], ...drained },
  { name: 'tini -g', command: ['{tini}', '-g', '--', 'node', service], ...drained },
  { name: 'tini -g, npm run, a script that execs', command: ['{tini}', '-g', '--', '{npm}', 'run', 'replaced'], ...drained },
  { name: 'tini, dash -c', command: ['{tini}', '--', '{dash}', '-c', `${run}; true`], ...initLeaves },
  { name: 'tini -g, dash -c', command: ['{tini}', '-g', '--', '{dash}', '-c', `${run}; true`], ...initLeaves },
  { name: 'tini, npm start', command: ['{tini}', '--', '{npm}', 'start'], ...(shReplacesItself ? drained : initLeaves) },
  { name: 'dumb-init', command: ['{dumb-init}', 'node', service], ...drained },
  { name: 'dumb-init, npm run, a script that execs', command: ['{dumb-init}', '{npm}', 'run', 'replaced'], ...drained },
  { name: 'dumb-init, dash -c', command: ['{dumb-init}', '{dash}', '-c', `${run}; true`], ...initLeaves },
  // Its drain takes longer than the two seconds that it gets.
  {
    name: 'runuser',
    command: ['{runuser}', '-u', 'root', '--', 'node', service, '3000'],
    asPid1: ['lost', 143],
    elsewhere: ['lost', 'SIGTERM'],
    needsRoot: true,
  },
]

/** Found before the tests begin: to fetch one would stop the clocks of the others. */
const programs = new Map([...new Set(JSON.stringify(cases).match(/\{[\w-]+\}/g))].map((each) => [each, findProgram(each.slice(1, -1))]))

describe.skipIf(process.platform !== 'linux').each(nodes)('$name', (node) => {
  for (const place of ['asPid1', 'elsewhere'] as const) {
    describe(place === 'asPid1' ? 'with PID 1 as the outermost process' : 'outside of a PID namespace', { concurrent: true }, () => {
      test.for(cases)('$name', async ({ command, fromNode = 0, needsRoot, [place]: expected }, { skip, expect }) => {
        if (place === 'asPid1' && !pidNamespace) skip('no PID namespace can be made here')
        if (node.major < fromNode) skip(`needs Node ${fromNode}`)
        if (needsRoot && process.getuid?.() !== 0) skip('needs root')
        const words = command.map((word) => word.replace(/\{[\w-]+\}/, (name) => programs.get(name) ?? skip(`there is no ${name.slice(1, -1)} on PATH, and no way to fetch it`)))
        const stop = await stopOf(node, words, { inNamespace: place === 'asPid1' })
        expect([stop.drained ? 'drained' : 'lost', stop.exit]).toEqual(expected)
        expect(stop.warnings, 'the warning and the loss agree').toHaveLength(stop.drained ? 0 : 1)
        // tini -g, dumb-init, npm and their like deliver the signal twice.
        if (stop.drained) expect(stop.lines.filter((line) => line === 'draining' || line.startsWith('{'))).toHaveLength(2)
      })
    })
  }

  test('two signals 5 ms apart begin one drain', async () => {
    const { drained, lines } = await stopOf(node, ['node', service], { again: true })
    expect(drained).toBe(true)
    expect(lines.filter((line) => line === 'draining' || line.startsWith('{'))).toHaveLength(2)
  })

  test('the warning names what is there, and the fix', async () => {
    const { warnings } = await stopOf(node, ['./plain.sh'], {})
    const real = shReplacesItself ? '' : ' (dash)'
    expect(warnings).toEqual([
      `lameduck: warning: this process was started by "sh plain.sh"${real}, which does not pass SIGTERM on: the service will end without a drain. ` +
        `Start node itself ("node dist/main.js") as the container's command, or write it as "exec node dist/main.js" there.`,
    ])
  })

  test('a script that has started it in the background signals it alone: no warning', async () => {
    const { drained, warnings } = await stopOf(node, ['sh', '-c', `${run} & wait`], { stdin: 'pipe', signalled: 'service' })
    expect({ drained, warnings }).toEqual({ drained: true, warnings: [] })
  })

  test('on a terminal there is no warning', async ({ skip }) => {
    const terminal = findProgram('script') ?? skip('no script(1), which makes a terminal')
    const { lines } = await stopOf(node, [terminal, '-q', '-e', '-c', `sh -c "${run}; true"`, '/dev/null'], { signalled: 'service' })
    expect(lines.some((line) => line.startsWith('{'))).toBe(true)
    expect(lines.join('\n')).not.toContain('lameduck: warning')
  })
})

interface StopOptions {
  readonly inNamespace?: boolean
  readonly stdin?: 'ignore' | 'pipe'
  /** Who gets SIGTERM. @default 'outermost' */
  readonly signalled?: 'outermost' | 'service'
  /** SIGTERM once more. */
  readonly again?: boolean
}

/** What a platform does: start a command, SIGTERM to its process when the service is ready, SIGKILL after the grace period, then nothing is left. */
async function stopOf(node: NodeUnderTest, command: readonly string[], options: StopOptions): Promise<Stop> {
  const { inNamespace = false, stdin = 'ignore', signalled = 'outermost', again = false } = options
  const [program = '', ...args] = inNamespace ? [...(pidNamespace ?? []), ...command] : command
  const path = [dirname(node.path), process.env['PATH']].join(delimiter)
  // Nothing of the package manager that runs the tests; a session of its own, so without the terminal of whoever runs them.
  const env = { PATH: path, HOME: folder, npm_config_cache: join(folder, 'npm'), npm_config_update_notifier: 'false' }
  const child = spawn(program, args, { cwd: folder, env, detached: true, stdio: [stdin, 'pipe', 'pipe'] })
  const lines: string[] = []
  let stderr = ''
  let servicePid: number | undefined
  let killed = false
  const killAll = (): void => {
    kill(-Number(child.pid), 'SIGKILL')
    // An init may have given it another process group.
    if (servicePid !== undefined && !inNamespace) kill(servicePid, 'SIGKILL')
  }
  let grace = setTimeout(killAll, 20_000)
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    lines.push(line.trimEnd())
    const ready = /^ready (\d+)/.exec(line)
    if (!ready) return
    servicePid = Number(ready[1])
    const outermost = inNamespace ? firstProcess(Number(child.pid)) : Number(child.pid)
    const target = signalled === 'service' ? servicePid : outermost
    kill(target, 'SIGTERM')
    if (again) setTimeout(() => kill(target, 'SIGTERM'), 5)
    clearTimeout(grace)
    grace = setTimeout(() => {
      killed = true
      killAll()
    }, graceMs)
  })
  child.once('exit', killAll)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(grace)
  if (servicePid === undefined) throw new Error(`the service did not start:\n${lines.join('\n')}\n${stderr}`)
  return {
    drained: lines.some((line) => line.startsWith('{"lameduck":"report"')),
    exit: killed ? 'never' : (signal ?? code ?? 'never'),
    warnings: stderr.split('\n').filter((line) => line.startsWith('lameduck: warning: this process was started by')),
    lines,
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}
