import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLifecycle, phases } from '@lameduck/core'
import { inTurns, median, start, untilGone, wholeLife } from './measure.mjs'

/** What core costs: everything is compared with the same process without it, in the same run. Prints a table, or JSON with `--json`. */

const json = process.argv.includes('--json')
const rounds = 21
const progress = (what) => (round) => process.stderr.isTTY && process.stderr.write(`\r\u001B[2K  ${what}: ${round + 1} of ${rounds}`)

const life = await inTurns({ empty: () => wholeLife('empty'), core: () => wholeLife('imports-core') }, rounds, progress('import'))
const memory = await inTurns(
  { bare: () => privateMemory('idle-bare'), bound: () => privateMemory('idle-bound', [0, 'off']), watched: () => privateMemory('idle-bound', [0, 'on']) },
  7,
  progress('memory'),
)
const exit = await inTurns(
  {
    bare: () => untilGone('idle-bare'),
    0: () => untilGone('idle-bound', [0]),
    10: () => untilGone('idle-bound', [10]),
    1000: () => untilGone('idle-bound', [1_000]),
    2000: () => untilGone('idle-bound', [2_000]),
  },
  rounds,
  progress('exit'),
)
const plan = planMs(10_000)

const figures = {
  node: process.version,
  importMs: median(life.core.map((ms, round) => ms - life.empty[round])),
  emptyProcessMs: median(life.empty),
  boundKiB: median(memory.bound) - median(memory.bare),
  watchdogKiB: median(memory.watched) - median(memory.bound),
  bareKiB: median(memory.bare),
  exitMs: Object.fromEntries(Object.entries(exit).map(([name, ms]) => [name, median(ms)])),
  planMs: plan,
}
if (process.stderr.isTTY) process.stderr.write('\r\u001B[2K')
process.stdout.write(json ? `${JSON.stringify(figures)}\n` : `${table(figures)}\n`)

/** Memory that is the process's own, in KiB, when it has been idle for a moment: shared pages of the binary are left out. */
async function privateMemory(program, parameters) {
  const { child, exited } = await start(program, parameters)
  // A worker has its memory only when it runs, and nothing tells when.
  await sleep(500)
  const rollup = readFileSync(`/proc/${child.pid}/smaps_rollup`, 'utf8')
  child.kill('SIGKILL')
  await exited
  return [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm)].reduce((sum, [, size]) => sum + Number(size), 0)
}

function planMs(count) {
  const lifecycle = createLifecycle()
  let previous
  for (let index = 0; index < count; index += 1) {
    const resource = { name: `resource ${index}`, phase: phases[Math.floor((index / count) * phases.length)], drain: () => {} }
    previous = lifecycle.add(resource, previous?.resource.phase === resource.phase ? { needs: [previous] } : {})
  }
  const times = Array.from({ length: 9 }, () => {
    const begun = performance.now()
    lifecycle.plan()
    return performance.now() - begun
  })
  return median(times)
}

function table({ node, importMs, emptyProcessMs, boundKiB, watchdogKiB, bareKiB, exitMs, planMs: forPlan }) {
  const ms = (value) => `${value.toFixed(1)} ms`
  const mib = (value) => `${(value / 1024).toFixed(1)} MiB`
  const rows = [
    ['importing core, over an empty process', ms(importMs), `empty process ${ms(emptyProcessMs)}`],
    ['memory of an idle bound lifecycle', mib(boundKiB), `bare process ${mib(bareKiB)}`],
    ['memory of its watchdog', mib(watchdogKiB), ''],
    ['SIGTERM to exit, bare process.exit()', ms(exitMs.bare), ''],
    ...['0', '10', '1000', '2000'].map((count) => [`SIGTERM to exit, ${count} idle resources`, ms(exitMs[count]), `${ms(exitMs[count] - exitMs.bare)} over bare`]),
    ['plan() of a graph of 10,000 resources', ms(forPlan), ''],
  ]
  return [`@lameduck/core on Node ${node.slice(1)}, medians`, ...rows.map(([what, value, note]) => `${what.padEnd(40)}${value.padStart(10)}  ${note}`.trimEnd())].join('\n')
}
