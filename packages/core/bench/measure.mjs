import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The middle of an odd number of figures. */
export function median(figures) {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)]
}

/** The median, and where the middle half of the figures lies; `undefined` when there are none. */
export function spread(values) {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  return { median: median(values), from: sorted[Math.floor((sorted.length - 1) / 4)], to: sorted[Math.ceil(((sorted.length - 1) * 3) / 4)], all: values }
}

/**
 * Runs every program in turns, `rounds` times, so that whatever else the machine does hits all of them alike, and returns the
 * figures of each by its name.
 *
 * @param {Record<string, () => Promise<number>>} programs
 */
export async function inTurns(programs, rounds, onRound = () => {}) {
  const figures = Object.fromEntries(Object.keys(programs).map((name) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    onRound(round)
    for (const [name, run] of Object.entries(programs)) figures[name].push(await run())
  }
  return figures
}

/** Starts a program of this folder, and waits for the line `ready`. */
export async function start(program, parameters = []) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`programs/${program}.mjs`, import.meta.url)), ...parameters.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([once(lines, 'line').then(([line]) => line), exited])
  if (first !== 'ready') throw new Error(`${program} said ${JSON.stringify(first)} instead of "ready"`)
  return { child, exited }
}

/** Ms from the start of a process to its end. */
export async function wholeLife(program) {
  const begun = performance.now()
  const child = spawn(process.execPath, [fileURLToPath(new URL(`programs/${program}.mjs`, import.meta.url))], { stdio: 'ignore' })
  await once(child, 'exit')
  return performance.now() - begun
}

/** Ms from SIGTERM to the end of a process. */
export async function untilGone(program, parameters) {
  const { child, exited } = await start(program, parameters)
  const begun = performance.now()
  child.kill('SIGTERM')
  const [code, signal] = await exited
  if (code !== 0) throw new Error(`${program} ended with ${code ?? signal}`)
  return performance.now() - begun
}
