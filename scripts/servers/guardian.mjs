// Stands between the process that wants a server and the server: it is the server's parent, and it takes the server and
// its data folder away when it is told to, or when the channel to the owner closes, which happens even on SIGKILL.
// Plain JavaScript, because a child process must be able to run it from a checkout that was never built.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

let child
let folder = ''
let stopSignal = 'SIGKILL'
let ending = false
let ended

const commands = {
  /** Makes the folder here and not in the owner, who may die between making it and saying so. */
  async make({ prefix }) {
    if (ending) throw new Error('it is being stopped')
    folder = mkdtempSync(prefix)
    // The program may run under another account.
    chmodSync(folder, 0o755)
    return folder
  },
  /** Runs the program as the leader of a process group of its own, so that Ctrl-C in a terminal does not reach it. */
  async start({ command, args, cwd, env, uid, gid, stopSignal: signal }) {
    if (ending) throw new Error('it is being stopped')
    stopSignal = signal
    const output = openSync(join(folder, 'log'), 'a')
    const started = spawn(command, args, { cwd, env, uid, gid, detached: true, stdio: ['ignore', output, output] })
    closeSync(output)
    child = started
    started.once('exit', (code, exitSignal) => {
      if (child === started) child = undefined
      send({ exited: { code, signal: exitSignal } })
    })
    await new Promise((resolve, reject) => {
      started.once('spawn', resolve)
      started.once('error', reject)
    }).catch((error) => {
      child = undefined
      throw error
    })
    return started.pid
  },
  async signal({ signal }) {
    signalTree(signal)
    if (signal === 'SIGSTOP' && child?.pid) await untilStopped([child.pid, ...descendants(child.pid)])
  },
  async stop() {
    await end()
  },
}

process.on('message', (message) => {
  commands[message.do](message).then(
    (value) => {
      send({ id: message.id, value })
      if (ending) process.exit(0)
    },
    (error) => send({ id: message.id, error: error instanceof Error ? error.message : String(error) }),
  )
})
for (const event of ['disconnect', 'SIGINT', 'SIGTERM', 'SIGHUP']) process.on(event, leave)
// The owner may have died before this line was reached.
if (!process.connected) leave()

function leave() {
  void end().then(() => process.exit(0))
}

function send(message) {
  // The owner may be gone at any time.
  if (process.connected) process.send(message, () => {})
}

async function end() {
  ended ??= endOnce()
  return ended
}

async function endOnce() {
  ending = true
  const running = child
  if (running) {
    const exited = new Promise((resolve) => running.once('exit', resolve))
    signalTree('SIGCONT')
    if (stopSignal !== 'SIGKILL') {
      running.kill(stopSignal)
      const late = setTimeout(() => signalTree('SIGKILL'), 5_000)
      await exited
      clearTimeout(late)
    } else {
      signalTree('SIGKILL')
      await exited
    }
  }
  if (folder === '') return
  removeSharedMemory()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
}

/** The process and all it started: a PostgreSQL backend leads a process group of its own, so one signal to a group is not enough. */
function signalTree(signal) {
  if (!child?.pid) return
  // A stopped parent starts no further children while they are being counted.
  if (signal === 'SIGKILL') signalOne(child.pid, 'SIGSTOP')
  else if (signal === 'SIGSTOP') signalOne(child.pid, signal)
  for (const pid of descendants(child.pid)) signalOne(pid, signal)
  signalOne(child.pid, signal)
}

function signalOne(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/** The signal has been sent, but a thread stops when it is its turn: on a busy machine 7 to 34 ms later, in which a server still answers. */
async function untilStopped(pids) {
  if (process.platform !== 'linux') return
  const bound = performance.now() + 1_000
  while (!pids.every(isStopped) && performance.now() < bound) await new Promise((resolve) => setTimeout(resolve, 1))
}

function isStopped(pid) {
  return threadsOf(pid).every((thread) => {
    try {
      return 'TtZX'.includes(fieldsOf(`/proc/${pid}/task/${thread}/stat`)[0])
    } catch {
      return true
    }
  })
}

function threadsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** From the state on of "pid (name) state parent …"; the name may hold spaces and brackets. */
function fieldsOf(file) {
  const stat = readFileSync(file, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function descendants(pid) {
  const byParent = new Map()
  for (const [each, parent] of allProcesses()) byParent.set(parent, [...(byParent.get(parent) ?? []), each])
  const found = byParent.get(pid) ?? []
  for (const each of found) found.push(...(byParent.get(each) ?? []))
  return found
}

/** `[pid, parent]` of every process: from /proc, since small images have no `ps`. */
function allProcesses() {
  if (process.platform !== 'linux') {
    const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
    return lines.map((line) => line.trim().split(/\s+/).map(Number))
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [[Number(name), Number(fieldsOf(`/proc/${name}/stat`)[1])]]
      } catch {
        return []
      }
    })
}

/** A PostgreSQL that was killed leaves its segment of shared memory behind; its key is in the seventh line of the lock file. */
function removeSharedMemory() {
  try {
    const id = readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/)[1]
    if (id) execFileSync('ipcrm', ['-m', id], { stdio: 'ignore' })
  } catch {
    // No lock file: it ended in order, or it is no PostgreSQL.
  }
}
