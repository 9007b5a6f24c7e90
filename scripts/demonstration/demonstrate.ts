import type { Helper } from '@lameduck/example'
import { createLiveLine } from './live-line.ts'
import { lossesOf, lostAltogether, sumOf, type Losses } from './losses.ts'
import type { DemonstrationOptions } from './options.ts'
import { drawReplicas, drawTable } from './picture.ts'
import { rehearseSide, type ServerUrls, type Side } from './side.ts'

export interface DemonstrationInput {
  readonly options: DemonstrationOptions
  readonly servers: ServerUrls
  readonly out: NodeJS.WriteStream
  readonly signal: AbortSignal
}

/**
 * The main job: the example service with lameduck, and the same service with a copied shutdown helper, each
 * through the same rolling update under load; then pictures and a table.
 *
 * @returns the exit code: 1 when lameduck lost anything, did anything twice, or left in another way than with code 0
 */
export async function demonstrate({ options, servers, out, signal }: DemonstrationInput): Promise<number> {
  const color = out.isTTY === true && process.env['NO_COLOR'] === undefined
  const print = (text: string): void => void out.write(`${text}\n`)
  const runs: Losses[] = []
  for (let run = 1; run <= options.runs; run += 1) {
    const title = options.runs === 1 ? 'lameduck' : `lameduck ${run}/${options.runs}`
    const side = await rehearse('lameduck', title)
    runs.push(lossesOf(side))
    print(`\nHow each replica left with lameduck${options.runs === 1 ? '' : ` (run ${run})`}:\n\n${drawReplicas(side, color)}`)
    printFailures(side)
  }
  const other = await rehearse('baseline', 'copied helper')
  print(`\nHow each replica left with the copied helper:\n\n${drawReplicas(other, color)}`)
  printFailures(other)

  const lameduck = sumOf(runs)
  const baseline = lossesOf(other)
  print(`\n${drawTable(lameduck, baseline, color)}\n`)
  const lost = lostAltogether(lameduck)
  const badExits = lameduck.exits.filter((exit) => exit.code !== 0)
  if (lost > 0) print(`lameduck lost or repeated ${lost}: that is a defect, please report it with the lines above`)
  if (badExits.length > 0) print(`with lameduck ${badExits.map((exit) => exit.replica).join(', ')} did not exit with code 0`)
  if (options.json) print(JSON.stringify({ lameduck, baseline }))
  return lost === 0 && badExits.length === 0 ? 0 : 1

  async function rehearse(helper: Helper, title: string): Promise<Side> {
    const line = createLiveLine(title, out)
    try {
      const prefix = `demo_${process.pid}_${helper}_${runs.length}`
      return await rehearseSide({ helper, framework: options.framework, servers, prefix, signal, onEvent: (event) => line.onEvent(event) })
    } finally {
      line.end()
    }
  }

  /** The first losses with their reason, so that a number can be looked into. */
  function printFailures(side: Side): void {
    const { failures } = side.rehearsal.load
    if (failures.length === 0) return
    const shown = failures.slice(0, 5).map((failure) => {
      const when = failure.afterSignalMs === undefined ? '' : `, ${Math.round(failure.afterSignalMs)} ms after SIGTERM`
      const path = failure.path.length > 24 ? `${failure.path.slice(0, 23)}…` : failure.path
      return `  ${failure.method} ${path} → ${failure.reason} (${failure.detail}) from ${failure.replica ?? 'no replica'}${when}`.slice(0, 100)
    })
    print(`\n${failures.length} requests lost${failures.length > 5 ? ', the first five' : ''}:\n${shown.join('\n')}`)
  }
}
