import { cpus, totalmem } from 'node:os'
import type { OwnServers } from '@lameduck/strange-services'
import { figures, median, picture } from './flat.ts'
import type { Load } from './load.ts'
import type { Replica, Sample } from './replica.ts'

export interface SoakFigures {
  readonly table: string
  readonly broken: readonly string[]
  readonly json: object
}

interface Happened {
  readonly minutes: number
  readonly seed: number
  readonly sabotage: string | undefined
  readonly restarts: number
  readonly all: readonly Replica[]
  readonly load: Load['counts']
  readonly faults: Readonly<Record<string, number>>
  /** Of the replica that stays. */
  readonly samples: readonly Sample[]
  /** Of each restarted one, right before its signal. */
  readonly lastSamples: readonly Sample[]
  readonly broken: readonly string[]
  readonly servers: OwnServers['servers']
  /** Of replicas that ended, or were not ready after a minute, and were started again. */
  readonly failedStarts: readonly string[]
}

/** The figures for people and for programs. */
export function summarise({ minutes, seed, sabotage, restarts, all, load, faults, samples, lastSamples, broken, servers, failedStarts }: Happened): SoakFigures {
  const graceful = all.filter(({ isKilled }) => !isKilled)
  const results = countBy(graceful.map(({ report }) => report?.result ?? 'no report'))
  const exits = countBy(graceful.map(({ ending }) => String(ending?.code ?? ending?.signal)))
  const brokenBy = (killed: boolean): number => all.filter((each) => each.isKilled === killed).reduce((sum, { broken: ids }) => sum + ids.size, 0)
  const rows: [string, string][] = [
    ['ran', `${minutes.toFixed(1)} min, seed ${seed}${sabotage ? `, sabotage ${sabotage}` : ''}`],
    ['machine', `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GiB`],
    ['servers', [...servers.values()].map(({ detail }) => detail.split(' from ')[0]).join(', ')],
    ['restarts', `${restarts}, and ${all.length - graceful.length} killed; ${failedStarts.length} starts failed and were tried again`],
    ['faults', describe(faults)],
    ['requests', `${load.requests}: ${load.accepted} accepted, ${load.refused} refused with an answer, ${brokenBy(false)} without an answer, and ${brokenBy(true)} of killed replicas`],
    ['unanswered', graceful.flatMap((each) => [...each.broken].map(([id, { atMs, why }]) => `${id} of ${each.name}, ${each.signalledAt !== undefined && atMs >= each.signalledAt ? 'in its stop' : 'before its stop'}: ${why}`)).slice(0, 5).join('; ') || 'none'],
    ['notes', `${load.notes} confirmed, ${load.unconfirmed} crossed a goodbye and were told so`],
    ['reports', describe(results)],
    ['exit codes', describe(exits)],
    ...graceful.flatMap(whyNotClean).map((text): [string, string] => ['not clean', text]),
    ['restarted', figures.map((figure) => `${figure} ${median(lastSamples.map((each) => each[figure])).toFixed(1)}`).join(', ')],
  ]
  const verdict = broken.length === 0 ? '✓ nothing lost, and nothing grown' : broken.map((each) => `✗ ${each}`).join('\n')
  const table = [...rows.map(([name, text]) => `${name.padEnd(11)}${text}`), '', ...figures.map((figure) => picture(samples, figure)), '', verdict].join('\n')
  return { table, broken, json: { ...Object.fromEntries(rows), load, faults, results, exits, samples, lastSamples, broken, failedStarts } }
}

/** In one line what its report says of a replica that did not leave clean. */
function whyNotClean({ name, report }: Replica): string[] {
  if (!report || report.result === 'clean') return []
  const steps = report.steps.flatMap(({ name: step, outcome, errors, work }) => (['idle', 'drained', 'skipped'].includes(outcome) ? [] : [`${step} ${outcome} (${[...errors, ...(work?.reasons ?? [])].join('; ')})`]))
  return [`${name}, ${report.result}: ${[...steps, ...report.errors].join(', ') || report.warnings.join(', ')}`.slice(0, 300)]
}

function countBy(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1
  return counts
}

const describe = (counts: Readonly<Record<string, number>>): string => Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', ') || 'none'
