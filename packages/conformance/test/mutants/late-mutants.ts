import { orAborted } from '../line-client.ts'
import { never, type Mutant } from './mutant.ts'

const inLoops = 'tally and callers agree on what loops do that go on through the drain: done, or refused as closed'
const dead = 'drain with nothing in flight ends by itself when the peer is dead'

export const lateMutants: readonly Mutant[] = [
  {
    bug: 'an idle drain waits until a frozen peer says goodbye',
    caughtBy: 'drain with nothing in flight ends by itself, though the peer is frozen',
    mutate: ({ resource, state, works }) => ({
      async drain(context) {
        if (state.frozen && works() === 0) await orAborted(never(), context.signal).catch(() => {})
        await resource.drain(context)
      },
    }),
  },
  {
    bug: 'an idle drain waits until a dead peer is back',
    caughtBy: dead,
    mutate: ({ resource, state, works }) => ({
      async drain(context) {
        if (state.lost && works() === 0) await orAborted(never(), context.signal).catch(() => {})
        await resource.drain(context)
      },
    }),
  },
  {
    bug: 'an idle drain fails since nobody is there to say goodbye to',
    caughtBy: dead,
    mutate: ({ resource, state, works }) => ({ drain: (context) => (state.lost && works() === 0 ? Promise.reject(new Error('not connected')) : resource.drain(context)) }),
  },
  {
    bug: 'the drain waits until nobody uses it any more',
    caughtBy: 'drain ends by itself although loops go on using it',
    alsoBy: [inLoops, 'nothing is in flight when drain has resolved, although loops go on using it'],
    serves: true,
    mutate: ({ resource, works }) => ({
      async drain(context) {
        for (let turns = 0; turns < 100 && !context.signal.aborted; turns += 1) {
          if (works() > 0) turns = 0
          await new Promise(setImmediate)
        }
        await resource.drain(context)
      },
    }),
  },
  {
    bug: 'the drain closes between two calls of one caller',
    caughtBy: 'drain serves a caller that makes one call after the other, to its last',
    serves: true,
    mutate(client) {
      const { request, state, works } = client
      Object.assign(client, {
        request(verb: string) {
          const { id, answered } = request(verb)
          const close = (): void => void (state.closed ||= state.drain !== undefined && works() === 0)
          return { id, answered: answered.finally(close) }
        },
      })
      return {}
    },
  },
  {
    bug: 'a call that comes in the drain is dropped at times',
    caughtBy: inLoops,
    serves: true,
    mutate(client) {
      const { request, state } = client
      let calls = 0
      Object.assign(client, {
        request(verb: string) {
          const { id, answered } = request(verb)
          calls += state.drain ? 1 : 0
          return { id, answered: calls === 3 ? answered.then(() => Promise.reject(new Error('connection closed'))) : answered }
        },
      })
      return {}
    },
  },
]
