import type { Mutant } from './mutant.ts'

const good = 'watch tells, once and why, that it has died for good'

export const watchMutants: readonly Mutant[] = [
  { bug: 'watch tells nothing', caughtBy: good, mutate: () => ({ watch: () => {} }) },
  {
    bug: 'watch tells twice',
    caughtBy: good,
    mutate: ({ resource }) => ({
      watch: (ended) =>
        resource.watch?.((why) => {
          ended(why)
          ended(why)
        }),
    }),
  },
  { bug: 'watch does not tell why', caughtBy: good, mutate: ({ resource }) => ({ watch: (ended) => resource.watch?.(() => ended(undefined)) }) },
  {
    bug: 'watch takes what is announced for the end',
    caughtBy: 'watch tells nothing while all is well: idle, busy, after work and after preStop',
    mutate: ({ state }) => ({ preStop: (announced) => void (announced && state.ended('the platform says so')) }),
  },
  {
    bug: 'watch takes a connection that is lost for the end',
    caughtBy: 'watch tells nothing of a connection that comes back',
    mutate: ({ resource, state }) => ({
      async start(context) {
        await resource.start?.(context)
        state.socket?.once('close', () => {
          state.ended('connection lost')
          state.ended = () => {}
        })
      },
    }),
  },
  {
    bug: 'watch takes a peer that does not answer for a dead one',
    caughtBy: 'watch tells nothing of a frozen peer that answers again',
    mutate({ state }) {
      Object.defineProperty(state, 'frozen', {
        set() {
          state.ended('no heartbeat')
        },
      })
      return {}
    },
  },
]
