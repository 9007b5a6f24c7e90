import type { Resource } from '@lameduck/core'
import { once } from 'node:events'
import { orAborted, type LineClient } from './line-client.ts'

/** A resource that is broken in one way, and the one check that must say so. */
export interface Mutant {
  readonly bug: string
  readonly caughtBy: string
  /** Goes on serving after `quiesce`. @default false */
  readonly serves?: boolean
  readonly mutate: (client: LineClient) => Partial<Resource>
}

const never = (): Promise<void> => new Promise<void>(() => {})
const leak = ({ state }: LineClient): void => void state.leaks.push(setInterval(() => {}, 60_000))

export const mutants: readonly Mutant[] = [
  {
    bug: 'a phase that does not exist',
    caughtBy: 'has a name, a phase, sensible times and the declared members',
    mutate: () => ({ phase: 'servers' as 'intake' }),
  },
  {
    bug: 'start does not listen to its signal',
    caughtBy: 'start settles soon after it is aborted, though the peer is frozen',
    mutate: ({ resource }) => ({ start: () => resource.start?.({ signal: new AbortController().signal }) }),
  },
  {
    bug: 'check never passes',
    caughtBy: 'check passes when it is usable',
    mutate: () => ({ check: () => Promise.reject(new Error('no')) }),
  },
  {
    bug: 'check takes a closed connection for a quiet one',
    caughtBy: 'check rejects when the peer is dead',
    mutate: ({ resource, state }) => ({ check: (context) => (state.lost ? undefined : resource.check?.(context)) }),
  },
  {
    bug: 'check waits for its answer without a bound',
    caughtBy: 'check rejects soon after its signal aborts, though the peer is frozen',
    mutate: ({ request }) => ({ check: () => request('ping').answered }),
  },
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
    caughtBy: 'quiesce may be repeated, and come before the start',
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
  { bug: 'quiesce does nothing', caughtBy: 'accepts nothing after quiesce', mutate: () => ({ quiesce: () => {} }) },
  {
    bug: 'quiesce refuses what others still need',
    caughtBy: 'goes on serving after quiesce, until it drains',
    serves: true,
    mutate: ({ state }) => ({
      quiesce() {
        state.quiesced = true
      },
    }),
  },
  {
    bug: 'quiesce cuts what is in flight',
    caughtBy: 'drain finishes what is in flight, and only then settles',
    mutate: ({ resource, pending }) => ({
      quiesce(context) {
        resource.quiesce?.(context)
        for (const { settle } of pending.values()) settle(new Error('cut'))
      },
    }),
  },
  {
    bug: 'drain does not wait',
    caughtBy: 'drain finishes what is in flight, and only then settles',
    mutate: ({ state }) => ({ drain: () => void state.socket?.end() }),
  },
  {
    bug: 'drain waits for the end of a connection that never was',
    caughtBy: 'drain of a resource that never started settles',
    mutate: ({ resource, state }) => ({ drain: (context) => (state.socket ? resource.drain(context) : never()) }),
  },
  {
    bug: 'the second drain rejects',
    caughtBy: 'drain called several times, at once and after one another, is one drain',
    mutate: ({ resource, state }) => ({
      drain: (context) => (state.drain ? Promise.reject(new Error('called more than once')) : resource.drain(context)),
    }),
  },
  {
    bug: 'an aborted drain goes on waiting for work while the peer answers',
    caughtBy: 'drain settles soon after it is aborted, with work in flight',
    mutate: ({ resource, request, works }) => ({
      async drain(context) {
        await resource.drain(context)
        if (!context.signal.aborted || works() === 0) return
        const alive = await orAborted(request('ping').answered, AbortSignal.timeout(50)).then(
          () => true,
          () => false,
        )
        if (alive) await never()
      },
    }),
  },
  {
    bug: 'an aborted drain says goodbye and waits for the answer',
    caughtBy: 'drain settles soon after it is aborted, though the peer is frozen',
    mutate: ({ resource, request, state }) => ({
      async drain(context) {
        await resource.drain(context)
        if (context.signal.aborted && !state.forced) await request('bye').answered
      },
    }),
  },
  {
    bug: 'drain waits for a dead peer to come back',
    caughtBy: 'drain settles soon after it is aborted, when the peer is dead',
    mutate: ({ resource, state }) => ({ drain: (context) => (state.lost ? never() : resource.drain(context)) }),
  },
  {
    bug: 'drain after force waits for ever',
    caughtBy: 'drain after force settles',
    mutate: ({ resource, state }) => ({ drain: (context) => (state.forced ? never() : resource.drain(context)) }),
  },
  {
    bug: 'inFlight never goes down',
    caughtBy: 'inFlight is truthful',
    mutate({ works }) {
      let most = 0
      return { inFlight: () => (most = Math.max(most, works())) }
    },
  },
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
    mutate: ({ resource, state }) => ({ force: (context) => (state.starting ? undefined : resource.force?.(context)) }),
  },
  {
    bug: 'force throws when there is nothing to cut',
    caughtBy: 'force settles within its bound: idle',
    mutate: ({ resource, state, works }) => ({
      force(context) {
        if (state.socket && !state.socket.destroyed && !state.starting && works() === 0) throw new Error('nothing in flight')
        return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force drops its callers without a word',
    caughtBy: 'force settles within its bound: busy, and no caller is left waiting',
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
    mutate: ({ resource, state }) => ({
      async force(context) {
        if (state.drain && state.socket && !state.socket.destroyed) {
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
    bug: 'drain leaves a timer',
    caughtBy: 'nothing is left in the process after drain: no timer, no socket',
    mutate: (client) => ({
      async drain(context) {
        await client.resource.drain(context)
        if (!context.signal.aborted) leak(client)
      },
    }),
  },
  {
    bug: 'drain leaves its connection open, unreferenced',
    caughtBy: 'no connection is left at the peer after drain',
    mutate: ({ resource, state, works }) => ({ drain: (context) => (works() > 0 ? resource.drain(context) : void state.socket?.unref()) }),
  },
  {
    bug: 'force leaves a timer',
    caughtBy: 'nothing is left in the process after force: no timer, no socket',
    mutate: (client) => ({
      force(context) {
        if (!client.state.lost) leak(client)
        return client.resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force leaves its connection open, unreferenced',
    caughtBy: 'no connection is left at the peer after force',
    mutate: ({ resource, pending, state }) => ({
      force(context) {
        if (state.starting) return resource.force?.(context)
        state.forced = true
        state.socket?.unref()
        for (const { settle } of pending.values()) settle(new Error('cut'))
        pending.clear()
      },
    }),
  },
  {
    bug: 'force leaves the retry of a lost connection running',
    caughtBy: 'nothing is left in the process after force with a dead peer: no timer, no retry',
    mutate: (client) => ({
      force(context) {
        if (client.state.lost) leak(client)
        return client.resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force rejects a promise that nobody holds',
    caughtBy: 'nothing is left unhandled by a cut: no rejection, no error event',
    mutate: ({ resource, state }) => ({
      force(context) {
        if (!state.lost) void Promise.reject(new Error('cut'))
        return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'nobody listens for the error of a connection that is lost',
    caughtBy: 'nothing is left unhandled by a peer that dies: no rejection, no error event',
    mutate: ({ resource, state }) => ({
      async start(context) {
        await resource.start?.(context)
        state.socket?.removeAllListeners('error')
      },
    }),
  },
]
