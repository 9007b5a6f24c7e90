import { startServer, type Server } from '@lameduck/servers'
import { expect } from 'vitest'
import { tcpLink, type Harness, type Subject, type TcpLink } from '../../src/index.ts'
import { collectSuite, failuresOf } from '../collect-suite.ts'

// For adapters as people write them first, on the real server: which checks say what is wrong.

export async function startPrivate(kind: 'postgres' | 'redis'): Promise<Server> {
  const server = await startServer(kind, { private: true })
  if (!server.ok) throw new Error(server.message)
  return server
}

export interface Linked extends Subject {
  readonly link: TcpLink
}

export function linkTo(server: Server): Promise<TcpLink> {
  const { hostname, port } = new URL(server.url)
  return tcpLink({ host: hostname, port: Number(port) })
}

export const overLink = {
  freeze: ({ link }: Linked) => link.freeze(),
  thaw: ({ link }: Linked) => link.thaw(),
  kill: ({ link }: Linked) => link.kill(),
  connections: ({ link }: Linked) => link.connections(),
}

export const isDone = (work: Promise<unknown>): Promise<boolean> => work.then(() => true, () => false)
export const outcomeOf = (work: Promise<unknown>): Promise<'finished' | 'failed'> => work.then(() => 'finished' as const, () => 'failed' as const)

/** What all of them do well enough: with a harness that does not work, these would fail as the others do. */
export const doneRight = [
  'drain of a resource that never started settles',
  'accepts nothing when it has drained, and lets nobody wait for it',
  'drain settles soon after it is aborted, when the peer is dead',
  'nothing is left in the process after drain: no timer, no socket',
  'no connection is left at the peer after drain',
  'nothing is left when all is over, of what its construction began either: no timer, no socket',
]

/** What the whole suite says, by the names of its checks. */
export async function verdictOn<S extends Subject>(harness: Harness<S>): Promise<{ readonly fails: string[]; readonly passes: string[] }> {
  const suite = collectSuite({ harness, settleMs: 400, watchMs: 20, harnessMs: 2_000 }).filter(({ skipped }) => !skipped)
  const failures = await failuresOf(suite)
  expect([...failures.values()].filter((message) => message.includes("the harness's"))).toEqual([])
  return { fails: [...failures.keys()], passes: suite.map(({ name }) => name).filter((name) => !failures.has(name)) }
}
