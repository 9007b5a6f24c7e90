import type { ChildLike } from './child-processes.ts'
import { describeForgotten } from '../work/forgotten.ts'
import { followOutgoingRequests } from './outgoing-requests.ts'
import { followRefusedRequests } from './refused-requests.ts'

/** What the process still has under way when a stop is over, work of which no resource knows; and requests that the stop itself has deprived of their server. */
export interface LeftBehind {
  /** One sentence for each kind. */
  look(): string[]
  close(): void
}

type Child = ChildLike & { readonly spawnfile?: string }

/** A socket of a server, and the answer that Node keeps on it. Undocumented, but in every Node since 0.12; without it nothing is found. */
interface Answering {
  readonly _httpMessage?: { readonly writableFinished: boolean; readonly _header?: unknown; readonly req?: { readonly method?: string; readonly url?: string } } | null
}

const eventStream = /^content-type: *text\/event-stream/im

/** More are not named: a report is one line of a log. */
const mostNamed = 3

/** @param isStopping whether the stop has begun */
export function lookForLeftBehind(isStopping: () => boolean): LeftBehind {
  const outgoing = followOutgoingRequests()
  const refused = followRefusedRequests(isStopping)
  return {
    look,
    close() {
      outgoing.close()
      refused.close()
    },
  }

  function look(): string[] {
    const handles = activeHandles()
    return [...describeAnswers(answersDue(handles)), ...describeRequests(outgoing.waiting(handles)), ...describeRefused(refused.list()), ...describeChildren(childrenAlive(handles)), ...describeForgotten()]
  }
}

function describeAnswers(texts: readonly string[]): string[] {
  if (texts.length === 0) return []
  return [`When everything had stopped, ${requests(texts)} to a server that is not in the lifecycle had no complete answer yet (${list(texts)}). Add the server by httpServer().`]
}

function describeRequests(texts: readonly string[]): string[] {
  if (texts.length === 0) return []
  return [`When everything had stopped, ${requests(texts)} of this process had no complete answer yet (${list(texts)}), and no resource waited for it. Run what sends it in trackedWork().`]
}

function describeRefused(byAddress: ReadonlyMap<string, readonly string[]>): string[] {
  if (byAddress.size === 0) return []
  const texts = [...byAddress.values()].flat()
  return [
    `While the service stopped, ${requests(texts)} of this process found nobody at ${list([...byAddress.keys()])} (${list(texts)}). ` +
      'If that was a server of this service, whoever calls it must stop before it: lifecycle.add(caller, { needs: [server] }), in one phase. A sidecar must outlive the service.',
  ]
}

function describeChildren(children: readonly Child[]): string[] {
  if (children.length === 0) return []
  const names = children.map(({ pid, spawnfile }) => `${pid}, ${spawnfile}`)
  const what = children.length === 1 ? '1 child process was' : `${children.length} child processes were`
  return [
    `When everything had stopped, ${what} still running (${list(names)}), which the end of a container kills. ` +
      'Add it by childProcess(), or run what waits for it in trackedWork(); call unref() on one that has no work of its own.',
  ]
}

function requests(texts: readonly string[]): string {
  return texts.length === 1 ? '1 request' : `${texts.length} requests`
}

function list(texts: readonly string[]): string {
  const named = texts.slice(0, mostNamed).join('; ')
  return texts.length > mostNamed ? `${named}; and ${texts.length - mostNamed} more` : named
}

/** What somebody has called `unref` on is not among them, and nobody waits for it. */
function activeHandles(): unknown[] {
  const { _getActiveHandles: list } = process as typeof process & { _getActiveHandles?: () => unknown[] }
  return list?.call(process) ?? []
}

function answersDue(handles: readonly unknown[]): string[] {
  return handles.flatMap((handle) => {
    const answer = (handle as Answering)._httpMessage
    // A request of this process's own is kept there, too; an event stream has no end that could be missing.
    return answer?.req && !answer.writableFinished && !eventStream.test(String(answer._header)) ? [`${answer.req.method} ${String(answer.req.url).split('?', 1)[0]}`] : []
  })
}

function childrenAlive(handles: readonly unknown[]): Child[] {
  const { ChildProcess } = process.getBuiltinModule('node:child_process')
  return handles.filter((handle): handle is Child & InstanceType<typeof ChildProcess> => handle instanceof ChildProcess).filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
}
