import type { LineClient } from '../line-client.ts'
import { never, type Mutant } from './mutant.ts'

const between = 'can be told of work that is done, after quiesce and until it drains'
const begun = 'drain waits for what tells it of work that is done'
const draining = 'can be told of work that is done while it drains'
const afterwards = 'never says that it was told of work when it has drained and was not'

/** What becomes of an acknowledgement instead, `when` it is not sent. */
function acknowledged(client: LineClient, when: () => boolean, instead: () => Promise<void>): void {
  const { request } = client
  Object.assign(client, { request: (verb: string) => (verb === 'ack' && when() ? { id: 0, answered: instead() } : request(verb)) })
}

const refused = (): Promise<void> => Promise.reject(new Error('not connected'))

/** @param when `isStopping` from quiesce on */
function mutant(caughtBy: string, bug: string, alsoBy: readonly string[], when: (client: LineClient, isStopping: boolean) => boolean, instead: () => Promise<void>): Mutant {
  return {
    bug,
    caughtBy,
    alsoBy,
    mutate(client) {
      let isStopping = false
      acknowledged(client, () => when(client, isStopping), instead)
      return {
        quiesce(context) {
          isStopping = true
          client.resource.quiesce?.(context)
        },
      }
    },
  }
}

export const acknowledgeMutants: readonly Mutant[] = [
  mutant(between, 'quiesce closes what a dependent acknowledges with', [begun, draining], (_client, isStopping) => isStopping, refused),
  mutant(between, 'from quiesce on it says that it was told, and was not', [begun, draining, afterwards], (_client, isStopping) => isStopping, () => Promise.resolve()),
  mutant(draining, 'the drain refuses acknowledgements before it is over', [], ({ state }) => state.drain !== undefined && !state.closed, refused),
  mutant(afterwards, 'it says that it was told when it has drained', [], ({ state }) => state.closed, () => Promise.resolve()),
  mutant(afterwards, 'who tells it when it has drained waits for ever', [], ({ state }) => state.closed, never),
  {
    bug: 'the drain does not wait for an acknowledgement that is under way',
    caughtBy: begun,
    mutate: ({ resource, pending }) => ({
      drain(context) {
        for (const { verb, settle } of pending.values()) if (verb === 'ack') settle(new Error('connection closed'))
        return resource.drain(context)
      },
    }),
  },
  {
    bug: 'acknowledge that tells nobody',
    caughtBy: 'the harness: nothing is acknowledged to a dead peer',
    harness: { acknowledge: () => ({ answer: Promise.resolve(), arrived: () => true }) },
  },
]
