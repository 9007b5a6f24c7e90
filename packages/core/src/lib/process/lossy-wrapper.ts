import { basename } from 'node:path'
import type { ProcReader } from './proc-reader.ts'

/** A process above this one that stands between it and whoever sends SIGTERM. */
interface Wrapper {
  readonly pid: number
  readonly ppid: number
  /** Such as `npm` or `node --run`. */
  readonly name: string
  /** What the warning calls it: no more of its command line than is known to hold no secret. */
  readonly title: string
  readonly effect: Effect
  /** The signal that it ends the process with, where that is not SIGTERM. */
  readonly sends?: string
}

type Effect = 'passes' | 'loses' | 'signals-all' | { readonly killsAfterMs: number }

const shells: ReadonlySet<string> = new Set(['sh', 'dash', 'bash', 'ash', 'ksh', 'mksh', 'zsh'])
const scriptRunners: ReadonlySet<string> = new Set(['npm', 'pnpm', 'yarn', 'node --run'])

/** What was measured. A program that is not here ends the search: it may well be the one that sends the signal. */
const effects: Readonly<Record<string, Effect>> = {
  tini: 'passes',
  'docker-init': 'passes',
  'dumb-init': 'passes',
  timeout: 'passes',
  npm: 'passes',
  pnpm: 'passes',
  yarn: 'passes',
  'node --watch': 'passes',
  'cross-env': 'passes',
  dotenv: 'passes',
  tsx: 'passes',
  // It kills its children's children too.
  concurrently: 'signals-all',
  'node --run': 'loses',
  // util-linux sends SIGKILL two seconds after SIGTERM.
  su: { killsAfterMs: 2_000 },
  runuser: { killsAfterMs: 2_000 },
  nodemon: { killsAfterMs: 10_000 },
}

/**
 * Looks for a process above this one that keeps SIGTERM from it, or kills it before the grace period is over, and
 * returns one sentence that names it and the fix.
 *
 * A shell that is still there did not `exec`; it passes no signal on unless it has a trap. A trap is trusted, although it
 * waits for a command in the foreground. On a terminal, and where `/proc` cannot be read, there is no warning. Nor is
 * there one about a missing init: as PID 1, Node reaps its own children, and whether these will leave orphans cannot be
 * known at the start.
 *
 * @param graceMs what the policy takes for the platform's grace period, in ms
 * @param signals those that begin a stop
 */
export function findLossyWrapper(proc: ProcReader, graceMs: number, signals: readonly string[]): string | undefined {
  const warning = proc.env['pm_id'] === undefined ? warningAbout(wrappersAbove(proc), proc, graceMs, signals) : warningAboutPm2(proc.env, graceMs)
  // Asked last: it costs a read, which a service without such a wrapper is spared.
  return warning === undefined || proc.isInteractive ? undefined : warning
}

/** pm2 signals every process below it, so what lies between does not matter. */
function warningAboutPm2(env: NodeJS.ProcessEnv, graceMs: number): string | undefined {
  const killTimeout = Number(env['kill_timeout'] ?? env['PM2_KILL_TIMEOUT']) || 1_600
  return killTimeout >= graceMs ? undefined : tooEarly('pm2', killTimeout, graceMs, `Set kill_timeout to ${graceMs} in its configuration`)
}

function warningAbout(wrappers: readonly Wrapper[], proc: ProcReader, graceMs: number, signals: readonly string[]): string | undefined {
  if (wrappers.some(({ effect }) => effect === 'signals-all')) return undefined
  const loser = wrappers.findIndex(({ effect }) => effect === 'loses')
  if (loser >= 0) return lost(wrappers.slice(loser), proc)
  for (const { effect, name, sends } of wrappers) {
    if (sends !== undefined && !signals.includes(sends)) return unheard(name, sends, signals)
    if (typeof effect === 'object' && effect.killsAfterMs < graceMs) return tooEarly(name, effect.killsAfterMs, graceMs, 'Start node without it')
  }
  return undefined
}

/** Whether pm2 is the parent, which understands messages. Its number in the environment is inherited by children of the service. */
export function isStartedByPm2(proc: ProcReader): boolean {
  if (proc.env['pm_id'] === undefined) return false
  const parent = proc.read(`/proc/${proc.ppid}/cmdline`)
  return parent === undefined || /pm2/i.test(parent)
}

function lost([loser, ...above]: readonly Wrapper[], proc: ProcReader): string | undefined {
  if (!loser) return undefined
  const program = basename(proc.readlink(`/proc/${loser.pid}/exe`) ?? '')
  const real = shells.has(program) && shells.has(loser.name) && program !== loser.name ? ` (${program})` : ''
  const under = above[0] ? ` under "${above[0].title}"` : ''
  const how = loser.name === 'yarn' ? 'exits at once on SIGTERM' : 'does not pass SIGTERM on'
  // A script that execs is of no use to what loses the signal without a shell.
  const canExec = [loser, ...above].every(({ name, effect }) => effect !== 'loses' || shells.has(name))
  return (
    `this process was started by "${loser.title}"${real}${under}, which ${how}: the service will end without a drain. ` +
    `Start node itself ("node dist/main.js") as the container's command${canExec ? ', or write it as "exec node dist/main.js" there' : ''}.`
  )
}

function tooEarly(name: string, killsAfterMs: number, graceMs: number, fix: string): string {
  return `this process was started by ${name}, which kills it ${killsAfterMs} ms after the signal, but the policy's graceMs is ${graceMs}. ${fix}, or set graceMs to ${killsAfterMs}.`
}

function unheard(name: string, signal: string, signals: readonly string[]): string {
  const all = [...signals, signal].map((each) => `'${each}'`).join(', ')
  return (
    `this process was started by ${name}, which restarts it with ${signal}, and bindProcess() does not listen to that: the service will end without a drain. ` +
    `Pass signals: [${all}] to bindProcess(), or start ${name} with --signal SIGTERM.`
  )
}

/** From the parent upwards, as far as the programs are known. */
function wrappersAbove(proc: ProcReader): Wrapper[] {
  const wrappers: Wrapper[] = []
  let below = 'self'
  let pid = proc.ppid
  // Above the first process of a PID namespace there is 0.
  while (pid > 0) {
    const wrapper = readWrapper(proc, pid, below)
    if (!wrapper) break
    wrappers.push(wrapper)
    below = String(pid)
    pid = wrapper.ppid
  }
  return wrappers
}

function readWrapper(proc: ProcReader, pid: number, below: string): Wrapper | undefined {
  const status = proc.read(`/proc/${pid}/status`)
  // A process that sets its title, as npm does, has one argument and NULs behind it.
  const parts = (proc.read(`/proc/${pid}/cmdline`) ?? '').split('\0')
  const words = parts.slice(0, parts.findLastIndex((part) => part !== '') + 1)
  if (status === undefined || words.length === 0) return undefined
  const field = (key: string): string => new RegExp(`^${key}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? ''
  const { name, args } = whatRuns(words.length === 1 ? (words[0] ?? '').split(' ') : words)
  const known = { pid, ppid: Number(field('PPid')), name, title: name }

  // It signals the whole control group: `KillMode=control-group` is the default (systemd.kill(5)).
  if (field('Name') === 'systemd') return { ...known, effect: 'signals-all' }
  if (shells.has(name)) {
    const script = args.find((each) => !/^[-+]/.test(each))
    // Without a command and a file somebody, or something, types at it, and holds what it started.
    if (script === undefined || (known.ppid !== 0 && isInBackground(proc, pid, below))) return undefined
    const isCommand = args.slice(0, args.indexOf(script)).some((each) => /^-[a-zA-Z]*c/.test(each))
    const title = isCommand ? `${name} -c` : `${name} ${basename(script)}`
    return { ...known, title, effect: catchesSigterm(field('SigCgt')) ? 'passes' : 'loses' }
  }
  // The next major version runs scripts in a shell of its own, and waits.
  const isYarn1 = name === 'yarn' && proc.env['npm_config_user_agent']?.startsWith('yarn/1.') === true
  const effect = isYarn1 ? 'loses' : effects[name]
  if (effect === undefined) return undefined
  const task = args.filter((each) => !each.startsWith('-')).slice(0, args[0] === 'run' ? 2 : 1)
  if (name === 'nodemon') return { ...known, effect, sends: signalOfNodemon(args) }
  return { ...known, title: scriptRunners.has(name) ? [name, ...task].join(' ') : name, effect }
}

/** Looks through node and busybox at what they run. */
function whatRuns([command = '', ...args]: readonly string[]): { readonly name: string; readonly args: readonly string[] } {
  const name = basename(command).replace(/^-/, '')
  if (name === 'busybox') return { name: args[0] ?? name, args: args.slice(1) }
  if (name !== 'node' && name !== 'nodejs') return { name, args }
  const first = args.findIndex((each) => !each.startsWith('-'))
  const flags = first < 0 ? args : args.slice(0, first)
  const task = flags.find((each) => /^--run(=|$)/.test(each))
  if (task !== undefined) return { name: 'node --run', args: task === '--run' ? args.slice(first) : [task.slice('--run='.length)] }
  if (flags.some((each) => /^--watch(-path)?(=|$)/.test(each))) return { name: 'node --watch', args: [] }
  return { name: basename(args[first] ?? name).replace(/\.[cm]?js$/, ''), args: args.slice(first + 1) }
}

/** What it restarts with; a configuration file may say something else, which is not read. */
function signalOfNodemon(args: readonly string[]): string {
  const at = args.findIndex((each) => each === '--signal' || each === '-s')
  return at < 0 ? 'SIGUSR2' : (args[at + 1] ?? 'SIGUSR2')
}

/** A script's `node … &` reads from /dev/null (POSIX, "Asynchronous Lists"). The script has its process id, and can signal it alone. */
function isInBackground(proc: ProcReader, shell: number, below: string): boolean {
  const stdinOfShell = proc.readlink(`/proc/${shell}/fd/0`)
  return stdinOfShell !== undefined && stdinOfShell !== '/dev/null' && proc.readlink(`/proc/${below}/fd/0`) === '/dev/null'
}

/** Signal n is bit n − 1 of the mask (proc_pid_status(5)); SIGTERM is 15. */
function catchesSigterm(mask: string): boolean {
  return (Number.parseInt(mask.slice(-4), 16) & 0x4000) !== 0
}
