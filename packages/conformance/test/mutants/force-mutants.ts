import { once } from 'node:events'
import type { Mutant } from './mutant.ts'

export const forceMutants: readonly Mutant[] = [
  {
    bug: 'force throws when there is no connection yet',
    caughtBy: 'force settles within its bound: never started',
    mutate: (client) => ({
      force(context) {
        if (!client.state.socket) throw new Error('not connected')
        return client.resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force forgets a start that is under way',
    caughtBy: 'force settles within its bound: starting',
    alsoBy: ['nothing is left of a start that was cut, though the peer answers later: no timer, no socket'],
    mutate: ({ resource, state }) => ({ force: (context) => (state.starting ? undefined : resource.force?.(context)) }),
  },
  {
    bug: 'force throws when there is nothing to cut',
    caughtBy: 'force settles within its bound: idle',
    mutate: ({ resource, state, works }) => ({
      force(context) {
        if (state.socket && !state.socket.destroyed && !state.starting && !state.lost && works() === 0) throw new Error('nothing in flight')
        return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force drops its callers without a word',
    caughtBy: 'force settles within its bound: busy, and no caller is left waiting',
    alsoBy: [
      'force settles within its bound: draining, without waiting for drain',
      'force settles within its bound: frozen peer',
      'force settles within its bound: frozen peer, with a drain waiting for it',
      'tally tells as cut, once, what force ends',
      'tally counts once what a frozen peer answers after the cut',
      'what was cut is told that it was cut',
    ],
    mutate: ({ resource, pending }) => ({
      force(context) {
        for (const [id, { verb }] of pending) if (verb === 'work') pending.delete(id)
        return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force waits for the drain',
    caughtBy: 'force settles within its bound: draining, without waiting for drain',
    mutate: ({ resource, state }) => ({
      async force(context) {
        await state.drain
        await resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force throws when everything is over',
    caughtBy: 'force settles within its bound: drained',
    mutate: ({ resource, state }) => ({
      force(context) {
        if (state.drained && state.socket?.destroyed) throw new Error('already closed')
        return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force says goodbye first',
    caughtBy: 'force settles within its bound: frozen peer',
    mutate: ({ resource, request, state }) => ({
      async force(context) {
        if (!state.drain && !state.starting) await request('bye').answered.catch(() => {})
        await resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force leaves a soft close that is pending to itself',
    caughtBy: 'force settles within its bound: frozen peer, with a drain waiting for it',
    alsoBy: ['nothing is left in the process after force with a frozen peer: no timer, no socket', 'tally counts once what a frozen peer answers after the cut'],
    mutate: ({ resource, state }) => ({
      async force(context) {
        if (state.frozen && state.drain && state.socket && !state.socket.destroyed) {
          state.socket.end()
          await once(state.socket, 'close')
        }
        await resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force throws when the peer is gone',
    caughtBy: 'force settles within its bound: dead peer',
    mutate: ({ resource, state }) => ({
      force(context) {
        if (state.lost) throw new Error('not connected')
        return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'the second force rejects',
    caughtBy: 'force settles within its bound: several times, at once and after one another',
    mutate: ({ resource, state }) => ({
      force: (context) => (state.forced ? Promise.reject(new Error('called more than once')) : resource.force?.(context)),
    }),
  },
  {
    bug: 'force blocks the process',
    caughtBy: 'force settles within its bound: idle',
    mutate: ({ resource, state, works }) => ({
      force(context) {
        const isIdle = state.socket && !state.socket.destroyed && !state.lost && !state.starting && !state.drain && works() === 0
        const end = performance.now() + (isIdle ? 400 : 0)
        while (performance.now() < end);
        return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force forgets the callers of a connection that was lost',
    caughtBy: 'force settles within its bound: dead peer',
    alsoBy: [
      'tally tells as failed, and why, what fails in the drain',
      'watch tells, once and why, that it has died for good',
      'watch tells nothing of a connection that comes back',
    ],
    mutate: ({ resource, state }) => ({
      async start(context) {
        await resource.start?.(context)
        state.socket?.removeAllListeners('close')
      },
      force(context) {
        if (!state.socket?.destroyed || state.drain) return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'a force beside another rejects',
    caughtBy: 'force settles within its bound: several times, at once and after one another',
    mutate({ resource }) {
      let isForcing = false
      return {
        async force(context) {
          if (isForcing) throw new Error('called twice')
          isForcing = true
          await resource.force?.(context)
          isForcing = false
        },
      }
    },
  },
  {
    bug: 'a force after another rejects',
    caughtBy: 'force settles within its bound: several times, at once and after one another',
    mutate({ resource }) {
      let isOver = false
      return {
        async force(context) {
          if (isOver) throw new Error('called twice')
          await resource.force?.(context)
          isOver = true
        },
      }
    },
  },
]
