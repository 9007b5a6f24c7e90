import type { Mutant } from './mutant.ts'

const inLoops = 'nothing is in flight when drain has resolved, although loops go on using it'

const peerDied = 'nothing is in flight when drain has resolved, though the peer died in it'

export const endedMutants: readonly Mutant[] = [
  {
    bug: 'what has ended is counted for a while',
    caughtBy: 'nothing is in flight when drain has resolved',
    alsoBy: [peerDied],
    mutate({ resource, works }) {
      let drainedAt = -Infinity
      let atDrain = 0
      return {
        async drain(context) {
          atDrain = works()
          await resource.drain(context)
          drainedAt = performance.now()
        },
        inFlight: () => (performance.now() - drainedAt < 250 ? atDrain : works()),
      }
    },
  },
  {
    bug: 'a call that was refused is counted for ever',
    caughtBy: inLoops,
    serves: true,
    mutate(client) {
      const { request, state, works } = client
      let refused = 0
      Object.assign(client, {
        request(verb: string) {
          refused += state.closed && verb === 'work' ? 1 : 0
          return request(verb)
        },
      })
      return { inFlight: () => works() + refused }
    },
  },
  {
    bug: 'what died with its peer is counted for ever',
    caughtBy: peerDied,
    mutate({ resource, state, works }) {
      let atDrain = 0
      return {
        drain(context) {
          atDrain = works()
          return resource.drain(context)
        },
        inFlight: () => (state.lost && state.drain ? atDrain : works()),
      }
    },
  },
]
