import type { Replica } from './replica.ts'

/** Ids that are in the database when everything has ended. */
export interface Found {
  readonly orders: ReadonlySet<string>
  readonly notes: ReadonlySet<string>
  readonly audits: ReadonlySet<string>
  readonly shipments: ReadonlySet<string>
}

const isOrder = (id: string): boolean => id.startsWith('o')

/** What is wrong with how one replica ended: what it lost, what its report says, its exit code. */
export function faultsOf(replica: Replica, found: Found): string[] {
  const { name, accepted, broken, report, ending, isKilled } = replica
  const orders = [...accepted].filter(isOrder)
  const missing = (what: string, ids: readonly string[], in_: ReadonlySet<string>): string[] => {
    const lost = ids.filter((id) => !in_.has(id))
    return lost.length === 0 ? [] : [`${name}: ${lost.length} ${what} lost, such as ${lost[0]} (${isKilled ? 'killed' : `report: ${report?.result}`})`]
  }
  // An answer is given when the row is in, whatever happens to the process afterwards.
  const faults = [
    ...missing('orders', orders, found.orders),
    ...missing('notes', [...accepted].filter((id) => !isOrder(id)), found.notes),
    ...missing('messages', orders, found.shipments),
  ]
  if (isKilled) return faults
  if (!report) return [...faults, `${name}: there is no report (exit ${ending?.code ?? ending?.signal})`]
  const isGood = report.result === 'clean'
  if (isGood) faults.push(...missing('audits', orders, found.audits))
  const inStop = [...broken].filter(([, { atMs }]) => atMs >= (replica.signalledAt ?? Infinity))
  if (isGood && inStop.length > 0) faults.push(`${name}: ${inStop.length} requests are without an answer, such as ${JSON.stringify(inStop[0])}, and its report is clean`)
  if (isGood !== (ending?.code === 0) && report.result !== 'unknown') faults.push(`${name}: the report is ${report.result}, and the exit ${ending?.code ?? ending?.signal}`)
  return faults
}
