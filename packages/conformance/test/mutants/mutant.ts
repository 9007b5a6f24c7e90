import type { Resource } from '@lameduck/core'
import type { Harness } from '../../src/index.ts'
import type { LineClient } from '../line-client.ts'

/** A resource that is broken in one way, and the check that is meant for it. */
export interface Mutant {
  readonly bug: string
  readonly caughtBy: string
  /** The other checks in which it cannot but show, or `'any'`. @default none */
  readonly alsoBy?: readonly string[] | 'any'
  /** Goes on serving after `quiesce`. @default false */
  readonly serves?: boolean
  readonly mutate?: (client: LineClient) => Partial<Resource>
  /** A mistake of the harness instead. */
  readonly harness?: Partial<Harness<LineClient>>
}

export const wholeLife = 'nothing is left when all is over, of what its construction began either: no timer, no socket'
export const listenForEver = (): void => void process.on('SIGUSR2', () => {})
export const never = (): Promise<void> => new Promise<void>(() => {})
export const leak = ({ state }: LineClient): void => void state.leaks.push(setInterval(() => {}, 60_000))
export const offered = (client: LineClient, when: () => boolean): void => {
  const { request } = client
  Object.assign(client, { request: (verb: string) => (verb === 'work' && when() ? { id: 0, answered: never() } : request(verb)) })
}
