import { offered, type Mutant } from './mutant.ts'

export const quiesceMutants: readonly Mutant[] = [
  {
    bug: 'quiesce is asynchronous',
    caughtBy: 'quiesce returns at once, with nothing to wait for',
    mutate: ({ resource }) => ({
      quiesce(context) {
        resource.quiesce?.(context)
        return Promise.resolve() as unknown as undefined
      },
    }),
  },
  {
    bug: 'quiesce throws the second time',
    caughtBy: 'quiesce may come at any time, and again: before the start, drained, cut',
    mutate({ resource }) {
      let called = false
      return {
        quiesce(context) {
          if (called) throw new Error('already quiesced')
          called = true
          resource.quiesce?.(context)
        },
      }
    },
  },
  {
    bug: 'quiesce does nothing',
    caughtBy: 'accepts nothing after quiesce',
    mutate: ({ resource, state }) => ({
      quiesce(context) {
        resource.quiesce?.(context)
        state.quiesced = false
      },
    }),
  },
  {
    bug: 'quiesce refuses what others still need',
    caughtBy: 'goes on serving after quiesce, until it drains',
    alsoBy: ['drain serves a caller that makes one call after the other, to its last', 'tally tells as done what is served between quiesce and drain'],
    serves: true,
    mutate: ({ resource, state }) => ({
      quiesce(context) {
        resource.quiesce?.(context)
        state.quiesced = true
      },
    }),
  },
  {
    bug: 'preStop is asynchronous',
    caughtBy: 'preStop returns at once, whenever it is called: before the start, idle, quiesced, drained',
    mutate: () => ({ preStop: () => Promise.resolve() as unknown as undefined }),
  },
  {
    bug: 'preStop throws when the stop has begun',
    caughtBy: 'preStop returns at once, whenever it is called: before the start, idle, quiesced, drained',
    mutate: ({ state }) => ({
      preStop() {
        if (state.quiesced) throw new Error('too late')
      },
    }),
  },
  {
    bug: 'preStop refuses work as if it were the stop',
    caughtBy: 'goes on as before after preStop, and after it is revoked: it accepts work and finishes what is in flight',
    mutate: ({ state }) => ({
      preStop(announced) {
        state.quiesced = announced
      },
    }),
  },
  {
    bug: 'a preStop that is revoked leaves it refusing work',
    caughtBy: 'goes on as before after preStop, and after it is revoked: it accepts work and finishes what is in flight',
    mutate: ({ state }) => ({
      preStop(announced) {
        state.quiesced = !announced
      },
    }),
  },
  {
    bug: 'preStop cuts what is in flight',
    caughtBy: 'goes on as before after preStop, and after it is revoked: it accepts work and finishes what is in flight',
    mutate: ({ state, pending }) => ({
      preStop() {
        if (!state.quiesced && !state.drain) for (const { settle } of pending.values()) settle(new Error('cut'))
      },
    }),
  },
  {
    bug: 'quiesce throws after a cut',
    caughtBy: 'quiesce may come at any time, and again: before the start, drained, cut',
    mutate: ({ resource, state }) => ({
      quiesce(context) {
        if (state.forced) throw new Error('already over')
        resource.quiesce?.(context)
      },
    }),
  },
  {
    bug: 'who comes when it has drained waits for ever',
    caughtBy: 'accepts nothing when it has drained, and lets nobody wait for it',
    alsoBy: 'any',
    serves: true,
    mutate(client) {
      offered(client, () => client.state.drained && !client.state.forced)
      return {}
    },
  },
  {
    bug: 'who comes when it was cut waits for ever',
    caughtBy: 'accepts nothing when it was cut, and lets nobody wait for it',
    alsoBy: ['tally tells as refused, and of what, what comes after the close', 'what comes when it was cut is told that it is closed'],
    serves: true,
    mutate(client) {
      offered(client, () => client.state.forced)
      return {}
    },
  },
  {
    bug: 'quiesce blocks the process',
    caughtBy: 'quiesce returns at once, with nothing to wait for',
    mutate: ({ resource }) => ({
      quiesce(context) {
        const before = process.cpuUsage()
        while (process.cpuUsage(before).user < 60_000);
        resource.quiesce?.(context)
      },
    }),
  },
  {
    bug: 'who comes after quiesce is neither served nor refused',
    caughtBy: 'accepts nothing after quiesce',
    alsoBy: [
      'accepts nothing when it has drained, and lets nobody wait for it',
      'accepts nothing when it was cut, and lets nobody wait for it',
      'tally tells as refused, and of what, what comes after the close',
      'what comes when it has drained is told that it is closed',
      'what comes when it was cut is told that it is closed',
    ],
    mutate(client) {
      offered(client, () => client.state.quiesced)
      return {}
    },
  },
]
