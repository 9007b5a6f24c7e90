import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, setPriority } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './measure.mjs'

/**
 * For which margin the watchdog ends a blocked service before SIGKILL, by how much processor the container has: a quota of
 * a control group, which takes root on Linux. `npm run bench watchdog -- --runs 20 --cores 0.1,0.5,2 --margins 250,500,1000,2000`
 */
const { values } = parseArgs({
  options: { runs: { type: 'string', default: '20' }, cores: { type: 'string', default: '0.1,0.5,2' }, margins: { type: 'string', default: '250,500,1000,2000' } },
})
const [runs] = numbers(values.runs)
/** What a stop has before its margin. */
const budgetMs = 1_000
const program = fileURLToPath(new URL('programs/blocked.mjs', import.meta.url))
const v1 = '/sys/fs/cgroup/cpu'
const base = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : v1

// SIGKILL must come in time.
setPriority(-20)
process.stdout.write(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString().slice(0, 10)}\n\n`)
process.stdout.write('| cores | margin | gone before SIGKILL | with code 70 | how long before SIGKILL, median (least) |\n|---|---|---|---|---|\n')
for (const cores of numbers(values.cores)) {
  for (const marginMs of numbers(values.margins)) process.stdout.write(`${row(cores, marginMs, await measure(cores, marginMs))}\n`)
}
process.stdout.write(`\nload at the end: ${loadavg()[0]?.toFixed(1)}\n`)

/** As many side by side as leave the machine half of its processors. */
async function measure(cores, marginMs) {
  const results = []
  const beside = Math.max(1, Math.floor(availableParallelism() / 2 / cores))
  while (results.length < runs) {
    const count = Math.min(beside, runs - results.length)
    results.push(...(await Promise.all(Array.from({ length: count }, (_, index) => endOne(cores, marginMs, index)))))
  }
  return results
}

/** @returns how long before SIGKILL it was gone, in ms (0 or less if SIGKILL ended it), and its exit code; none if a signal ended it */
async function endOne(cores, marginMs, index) {
  const group = join(base, `lameduck-bench-${process.pid}-${index}`)
  mkdirSync(group)
  try {
    limit(group, cores)
    const graceMs = budgetMs + marginMs
    const child = spawn('sh', ['-c', `renice -n 0 $$ >/dev/null; echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`, process.execPath, program, String(graceMs), String(marginMs)], { stdio: ['ignore', 'pipe', 'ignore'] })
    const exited = once(child, 'exit')
    const said = await Promise.race([once(child.stdout, 'data'), exited])
    if (!String(said[0]).includes('blocked')) throw new Error(`the service ended before it was blocked: ${said.join(', ')}`)
    const begun = performance.now()
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), graceMs)
    const [code] = await exited
    const leftMs = graceMs - (performance.now() - begun)
    clearTimeout(kill)
    return { leftMs, code }
  } finally {
    // A group is busy for a moment after its last process.
    for (let tries = 0; existsSync(group) && tries < 50; tries += 1) await removed(group)
  }
}

async function removed(group) {
  try {
    rmdirSync(group)
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The quota, and the largest share below it: what else the machine does must not count. */
function limit(group, cores) {
  const periodUs = 100_000
  const settings = base === v1 ? { 'cpu.cfs_quota_us': cores * periodUs, 'cpu.shares': 262_144 } : { 'cpu.max': `${cores * periodUs} ${periodUs}`, 'cpu.weight': 10_000 }
  for (const [name, value] of Object.entries(settings)) writeFileSync(join(group, name), String(value))
}

function row(cores, marginMs, results) {
  const early = results.map(({ leftMs }) => leftMs).filter((leftMs) => leftMs > 0)
  const told = results.filter(({ leftMs, code }) => leftMs > 0 && code === 70)
  const left = early.length === 0 ? '–' : `${median(early).toFixed(0)} ms (${Math.min(...early).toFixed(0)} ms)`
  return `| ${cores} | ${marginMs} ms | ${early.length} of ${results.length} | ${told.length} | ${left} |`
}

function numbers(text) {
  return text.split(',').map(Number)
}
