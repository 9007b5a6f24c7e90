import { describe, expect, test } from 'vitest'
import * as lossyWrapper from './lossy-wrapper.ts'
import { systemProc, type ProcReader } from './proc-reader.ts'

/** One process above, as `/proc` showed it: the parent first, the outermost last. */
interface Above {
  /** Of `/proc/…/cmdline`, with a space for each NUL between two words and none at the end; an array where a word holds spaces. */
  readonly cmdline: string | readonly string[]
  /** The program's name in `/proc/…/status`. @default 'node' */
  readonly name?: string
  /** @default that of a shell without a trap: SIGINT and SIGCHLD */
  readonly sigCgt?: string
  readonly exe?: string
  /** Where its descriptor 0 leads. */
  readonly stdin?: string
}

interface Surroundings {
  readonly env?: NodeJS.ProcessEnv
  readonly isInteractive?: boolean
  /** Where descriptor 0 of this process leads. @default '/dev/null' */
  readonly stdin?: string
  /** Above the outermost one. @default 0, nothing: it is the first of its PID namespace */
  readonly outermostPpid?: number
}

function procWith(above: readonly Above[], { env = {}, isInteractive = false, stdin = '/dev/null', outermostPpid = 0 }: Surroundings = {}): ProcReader {
  const files = new Map<string, string>()
  const links = new Map([['/proc/self/fd/0', stdin]])
  above.forEach((each, index) => {
    const pid = 100 - index
    const ppid = index === above.length - 1 ? outermostPpid : pid - 1
    const words = typeof each.cmdline === 'string' ? each.cmdline.split(' ') : each.cmdline
    files.set(`/proc/${pid}/cmdline`, `${words.join('\0')}\0`)
    files.set(`/proc/${pid}/status`, `Name:\t${each.name ?? 'node'}\nState:\tS (sleeping)\nPPid:\t${ppid}\nSigCgt:\t${each.sigCgt ?? '0000000000010002'}\n`)
    if (each.exe) links.set(`/proc/${pid}/exe`, each.exe)
    links.set(`/proc/${pid}/fd/0`, each.stdin ?? '/dev/null')
  })
  return { ppid: above.length === 0 ? outermostPpid : 100, env, isInteractive, read: (path) => files.get(path), readlink: (path) => links.get(path) }
}

const dash: Above = { cmdline: ['sh', '-c', 'node dist/main.js'], name: 'sh', exe: '/usr/bin/dash' }
/** npm 11 sets its title: one word, and NULs where its command line was longer. */
const npm: Above = { cmdline: ['npm start', '', '', '', '', '', '', ''], name: 'npm start', sigCgt: '0000000100014602', exe: '/usr/bin/node' }
const pnpm: Above = { cmdline: 'node /usr/local/bin/pnpm start', sigCgt: '000000017381ee37' }
const yarn: Above = { cmdline: 'node /opt/yarn-v1.22.22/bin/yarn.js start', sigCgt: '000000017381ee37' }
const nodeRun: Above = { cmdline: '/usr/local/bin/node --run start', sigCgt: '0000000000014002' }
const tini: Above = { cmdline: ['/usr/bin/tini', '--', 'sh', '-c', 'node dist/main.js; true'], name: 'tini', sigCgt: '0000000000000000' }
const dumbInit: Above = { cmdline: 'dumb-init node dist/main.js', name: 'dumb-init', sigCgt: '000000007ffbfeff' }
const yarn1 = { npm_config_user_agent: 'yarn/1.22.22 npm/? node/v20.20.2 linux x64' }

function findLossyWrapper(proc: ProcReader, graceMs: number, signals: readonly string[] = ['SIGTERM', 'SIGINT']): string | undefined {
  return lossyWrapper.findLossyWrapper(proc, graceMs, signals)
}

/** What the warning names: who started the process, and under what. */
function named(above: readonly Above[], surroundings: Surroundings = {}): string | undefined {
  return /^this process was started by (.*?), which /.exec(findLossyWrapper(procWith(above, surroundings), 30_000) ?? '')?.[1]
}

describe('what loses the signal', () => {
  test.each<[name: string, above: readonly Above[], named: string, env?: NodeJS.ProcessEnv]>([
    ['dash -c', [dash], '"sh -c" (dash)'],
    ['bash -ec', [{ cmdline: ['/bin/bash', '-ec', 'node main.js; true'], name: 'bash', exe: '/usr/bin/bash' }], '"bash -c"'],
    ['busybox', [{ cmdline: ['/bin/busybox', 'sh', '-c', 'node main.js; true'], name: 'busybox', exe: '/bin/busybox' }], '"sh -c"'],
    ['an entrypoint script', [{ cmdline: '/bin/sh ./docker/entrypoint.sh -c x', name: 'entrypoint.sh', exe: '/usr/bin/dash' }], '"sh entrypoint.sh" (dash)'],
    ['npm over dash', [dash, npm], '"sh -c" (dash) under "npm start"'],
    ['npm below a shell', [npm, dash], '"sh -c" (dash)'],
    ['pnpm over dash', [dash, pnpm], '"sh -c" (dash) under "pnpm start"'],
    ['pnpm run', [dash, { ...pnpm, cmdline: 'node /usr/local/bin/pnpm run start:prod --silent' }], '"sh -c" (dash) under "pnpm run start:prod"'],
    ['tini over dash', [dash, tini], '"sh -c" (dash) under "tini"'],
    ['a shell far above what passes the signal on', [{ cmdline: 'node /app/node_modules/.bin/cross-env A=1 node main.js' }, npm, dash, tini], '"sh -c" (dash) under "tini"'],
    ['node --run over dash', [dash, nodeRun], '"sh -c" (dash) under "node --run start"'],
    ['node --run with exec', [nodeRun], '"node --run start"'],
    ['node --run=start behind other options', [{ cmdline: 'node --env-file=.env --run=start' }], '"node --run start"'],
    ['yarn 1 over dash', [dash, yarn], '"sh -c" (dash) under "yarn start"', yarn1],
    ['yarn 1 with exec', [yarn], '"yarn start"', yarn1],
    ['a trap that is not for SIGTERM', [{ ...dash, sigCgt: '0000000000012003' }], '"sh -c" (dash)'],
  ])('%s', (_, above, expected, env) => {
    expect(named(above, env ? { env } : {})).toBe(expected)
  })

  test('the exe of another user cannot be read: no more than the name', () => {
    expect(named([{ cmdline: dash.cmdline, name: 'sh' }])).toBe('"sh -c"')
  })

  test('nothing of a command or of its parameters is in the warning', () => {
    const secret = { cmdline: ['sh', '-c', 'TOKEN=secret node main.js; true'], name: 'sh' }
    const secretNpm = { ...npm, cmdline: ['npm start --token=secret'] }
    expect(findLossyWrapper(procWith([secret, secretNpm]), 30_000)).not.toContain('secret')
  })

  test('the fix is exec where that is one', () => {
    expect(findLossyWrapper(procWith([dash, npm]), 30_000)).toBe(
      'this process was started by "sh -c" (dash) under "npm start", which does not pass SIGTERM on: the service will end without a drain. ' +
        'Start node itself ("node dist/main.js") as the container\'s command, or write it as "exec node dist/main.js" there.',
    )
    expect(findLossyWrapper(procWith([dash, nodeRun]), 30_000)).not.toContain('exec node')
    expect(findLossyWrapper(procWith([yarn], { env: yarn1 }), 30_000)).toBe(
      'this process was started by "yarn start", which exits at once on SIGTERM: the service will end without a drain. ' +
        'Start node itself ("node dist/main.js") as the container\'s command.',
    )
  })
})

describe('what does not', () => {
  test.each<[name: string, above: readonly Above[], surroundings?: Surroundings]>([
    ['PID 1', []],
    ['tini', [tini]],
    ['dumb-init', [dumbInit]],
    ['docker run --init', [{ ...tini, cmdline: '/sbin/docker-init -- node main.js', name: 'docker-init' }]],
    ['npm whose script execs', [npm]],
    ['npm whose script execs, under dumb-init', [npm, dumbInit]],
    ['pnpm whose script execs', [pnpm]],
    ['yarn 4', [yarn], { env: { npm_config_user_agent: 'yarn/4.5.0 npm/? node/v20.20.2 linux x64' } }],
    ['node --watch', [{ cmdline: 'node --watch main.js' }, npm]],
    ['a shell with a trap for SIGTERM', [{ ...dash, sigCgt: '0000000000014002' }]],
    ['an interactive shell', [{ cmdline: '-bash', name: 'bash' }]],
    ['a shell that reads commands', [{ cmdline: 'bash --noprofile -e', name: 'bash' }]],
    ['a shell on a terminal', [dash, npm], { isInteractive: true }],
    ['a shell below systemd, which signals the whole control group', [dash, npm, { cmdline: '/sbin/init', name: 'systemd' }]],
    ['a shell below concurrently, which signals the whole tree', [dash, { cmdline: 'node /app/node_modules/.bin/concurrently npm:start' }]],
    ['a test runner, whatever it was started by', [{ cmdline: 'node /app/node_modules/vitest/vitest.mjs run' }, dash, npm]],
    ['a program that is not known', [{ cmdline: '/usr/bin/containerd-shim -namespace moby', name: 'containerd-shim' }, dash]],
    ['a process whose command line is gone', [{ cmdline: '', name: 'kthreadd' }, dash]],
  ])('%s', (_, above, surroundings) => {
    expect(findLossyWrapper(procWith(above, surroundings), 30_000)).toBeUndefined()
  })

  test('no procfs, or one that hides the processes of others', () => {
    expect(findLossyWrapper({ ppid: 1, env: {}, isInteractive: false, read: () => undefined, readlink: () => undefined }, 30_000)).toBeUndefined()
  })

  test('a script that has it in the background holds its process id', () => {
    const script: Above = { cmdline: 'bash -e /tmp/step.sh', name: 'bash', stdin: 'pipe:[123]' }
    expect(named([script], { outermostPpid: 50 })).toBeUndefined()
    expect(named([script], { outermostPpid: 50, stdin: 'pipe:[123]' })).toBe('"bash step.sh"')
    // In a container everything reads from /dev/null, and the first process is the one that is signalled.
    expect(named([{ ...script, stdin: '/dev/null' }], { outermostPpid: 50 })).toBe('"bash step.sh"')
    expect(named([script])).toBe('"bash step.sh"')
  })
})

describe('what kills before the grace period is over', () => {
  const pm2 = { pm_id: '0' }

  test('pm2, which tells its kill_timeout where one is set', () => {
    expect(findLossyWrapper(procWith([], { env: pm2 }), 30_000)).toBe(
      "this process was started by pm2, which kills it 1600 ms after the signal, but the policy's graceMs is 30000. " +
        'Set kill_timeout to 30000 in its configuration, or set graceMs to 1600.',
    )
    expect(findLossyWrapper(procWith([], { env: { ...pm2, kill_timeout: '4321' } }), 30_000)).toContain('4321 ms')
    expect(findLossyWrapper(procWith([], { env: { ...pm2, PM2_KILL_TIMEOUT: '5000' } }), 30_000)).toContain('5000 ms')
    expect(findLossyWrapper(procWith([], { env: { ...pm2, kill_timeout: '30000' } }), 30_000)).toBeUndefined()
    expect(findLossyWrapper(procWith([], { env: pm2 }), 1_600)).toBeUndefined()
  })

  test('pm2 signals the whole tree: npm below it loses nothing', () => {
    expect(findLossyWrapper(procWith([dash, npm], { env: { ...pm2, kill_timeout: '30000' } }), 30_000)).toBeUndefined()
  })

  test.each([
    ['su', { cmdline: ['su', '-c', 'node main.js', 'app'], name: 'su', sigCgt: '0000000000004000' }, 2_000],
    ['runuser', { cmdline: 'runuser -u app -- node main.js', name: 'runuser', sigCgt: '0000000000004000' }, 2_000],
    ['nodemon', { cmdline: 'node /app/node_modules/.bin/nodemon --signal SIGTERM main.js', sigCgt: '0000000100014603' }, 10_000],
  ] as const)('%s', (name, above, killsAfterMs) => {
    expect(findLossyWrapper(procWith([above]), killsAfterMs)).toBeUndefined()
    expect(findLossyWrapper(procWith([above, tini]), killsAfterMs + 1)).toContain(`started by ${name}, which kills it ${killsAfterMs} ms after the signal`)
  })

  test('nodemon with a signal of its own, which nobody listens to', () => {
    const nodemon = { cmdline: 'node /app/node_modules/.bin/nodemon main.js', sigCgt: '0000000100014603' }
    expect(findLossyWrapper(procWith([nodemon]), 5_000)).toBe(
      'this process was started by nodemon, which restarts it with SIGUSR2, and bindProcess() does not listen to that: the service will end without a drain. ' +
        "Pass signals: ['SIGTERM', 'SIGINT', 'SIGUSR2'] to bindProcess(), or start nodemon with --signal SIGTERM.",
    )
    expect(findLossyWrapper(procWith([nodemon]), 5_000, ['SIGTERM', 'SIGUSR2'])).toBeUndefined()
    expect(findLossyWrapper(procWith([nodemon]), 30_000, ['SIGTERM', 'SIGUSR2'])).toContain('kills it 10000 ms after the signal')
  })

  test('what loses the signal is worse', () => {
    expect(named([dash, { cmdline: 'node /app/node_modules/.bin/nodemon --exec x', sigCgt: '0000000100014603' }])).toBe('"sh -c" (dash) under "nodemon"')
  })
})

test.skipIf(process.platform !== 'linux')('the real procfs', () => {
  const proc = systemProc()
  expect(proc.ppid).toBe(process.ppid)
  expect(proc.read('/proc/self/status')).toContain(`PPid:\t${process.ppid}\n`)
  expect(proc.readlink('/proc/self/exe')).toBe(process.execPath)
  expect(proc.read('/proc/self/none')).toBeUndefined()
  expect(proc.readlink('/proc/self/status')).toBeUndefined()
})
