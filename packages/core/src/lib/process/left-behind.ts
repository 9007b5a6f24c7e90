import type { ChildLike } from './child-processes.ts'
import { followOutgoingRequests } from './outgoing-requests.ts'

/** What the process still has under way when a stop is over: work of which no resource knows. */
export interface LeftBehind {
  /** One sentence for each kind. */
  look(): string[]
  close(): void
}

type Child = ChildLike & { readonly spawnfile?: string }

/** More are not named: a report is one line of a log. */
const mostNamed = 3

export function lookForLeftBehind(): LeftBehind {
  const requests = followOutgoingRequests()
  return { look: () => [...describeRequests(requests.waiting()), ...describeChildren(childrenAlive())], close: () => requests.close() }
}

function describeRequests(texts: readonly string[]): string[] {
  if (texts.length === 0) return []
  const what = texts.length === 1 ? '1 request that this process had sent had' : `${texts.length} requests that this process had sent had`
  return [`When everything had stopped, ${what} no answer yet (${list(texts)}), and no resource waited for it. Run what sends it in trackedWork().`]
}

function describeChildren(children: readonly Child[]): string[] {
  if (children.length === 0) return []
  const names = children.map(({ pid, spawnfile }) => `${pid}, ${spawnfile}`)
  const what = children.length === 1 ? '1 child process was' : `${children.length} child processes were`
  return [`When everything had stopped, ${what} still running (${list(names)}), which the end of a container kills. Add it by childProcess(), or run what waits for it in trackedWork().`]
}

function list(texts: readonly string[]): string {
  const named = texts.slice(0, mostNamed).join('; ')
  return texts.length > mostNamed ? `${named}; and ${texts.length - mostNamed} more` : named
}

/** Of those that somebody has called `unref` on, Node tells nothing, and nobody waits for them. */
function childrenAlive(): Child[] {
  const { ChildProcess } = process.getBuiltinModule('node:child_process')
  const { _getActiveHandles: list } = process as typeof process & { _getActiveHandles?: () => unknown[] }
  const handles = list?.call(process) ?? []
  return handles.filter((handle): handle is Child & InstanceType<typeof ChildProcess> => handle instanceof ChildProcess).filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
}
