import { never, type Mutant } from './mutant.ts'

export const drainMutants: readonly Mutant[] = [
  {
    bug: 'quiesce cuts what is in flight',
    caughtBy: 'drain finishes what is in flight, and only then settles',
    alsoBy: ['what was cut is told that it was cut'],
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
    alsoBy: 'any',
    mutate: ({ state }) => ({
      drain() {
        state.drained = true
        state.socket?.end()
      },
    }),
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
    alsoBy: ['drain settles soon when its signal had aborted before, with work in flight'],
    mutate: ({ resource, state, works }) => ({
      async drain(context) {
        await resource.drain(context)
        if (context.signal.aborted && works() > 0 && !state.frozen) await never()
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
    alsoBy: ['drain with nothing in flight ends by itself when the peer is dead'],
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
    bug: 'drain waits for the oldest unit only',
    caughtBy: 'drain finishes what is in flight, and only then settles',
    mutate: ({ resource, state, works }) => ({
      async drain(context) {
        const atBegin = works()
        if (atBegin < 2) return resource.drain(context)
        while (works() === atBegin && !context.signal.aborted) await new Promise(setImmediate)
        state.drained = true
      },
    }),
  },
  {
    bug: 'the second drain does not wait',
    caughtBy: 'drain called several times, at once and after one another, is one drain',
    mutate: ({ resource, state }) => ({ drain: (context) => (state.drain ? undefined : resource.drain(context)) }),
  },
  {
    bug: 'drain does not look whether its signal has aborted',
    caughtBy: 'drain settles soon when its signal had aborted before, with work in flight',
    mutate: ({ resource }) => ({ drain: (context) => resource.drain({ ...context, signal: context.signal.aborted ? new AbortController().signal : context.signal }) }),
  },
  {
    bug: 'inFlight is 0 as soon as the stop begins',
    caughtBy: 'inFlight is truthful',
    mutate({ resource, works }) {
      let isStopping = false
      return {
        quiesce(context) {
          isStopping = true
          resource.quiesce?.(context)
        },
        inFlight: () => (isStopping ? 0 : works()),
      }
    },
  },
  {
    bug: 'waitingFor tells of nothing',
    caughtBy: 'waitingFor tells what is in flight, and nothing when nothing is',
    mutate: () => ({ waitingFor: () => [] }),
  },
  {
    bug: 'waitingFor tells of what waits behind the oldest only',
    caughtBy: 'waitingFor tells what is in flight, and nothing when nothing is',
    mutate: ({ resource }) => ({ waitingFor: () => resource.waitingFor?.().slice(1) ?? [] }),
  },
  {
    bug: 'waitingFor is empty as soon as it drains',
    caughtBy: 'waitingFor tells what is in flight, and nothing when nothing is',
    mutate: ({ resource, state }) => ({ waitingFor: () => (state.drain ? [] : (resource.waitingFor?.() ?? [])) }),
  },
  {
    bug: 'waitingFor has a text when idle',
    caughtBy: 'waitingFor tells what is in flight, and nothing when nothing is',
    mutate: ({ resource, state, works }) => ({ waitingFor: () => (works() > 0 || state.drain ? (resource.waitingFor?.() ?? []) : ['nothing']) }),
  },
  {
    bug: 'waitingFor is one text instead of a list',
    caughtBy: 'waitingFor tells what is in flight, and nothing when nothing is',
    mutate: ({ resource }) => ({ waitingFor: () => String(resource.waitingFor?.() ?? '') as unknown as string[] }),
  },
  {
    bug: 'waitingFor has empty texts',
    caughtBy: 'waitingFor tells what is in flight, and nothing when nothing is',
    mutate: ({ resource }) => ({ waitingFor: () => resource.waitingFor?.().map(() => '') ?? [] }),
  },
  {
    bug: 'waitingFor forgets nothing',
    caughtBy: 'waitingFor tells what is in flight, and nothing when nothing is',
    mutate({ resource }) {
      const ever = new Set<string>()
      return {
        waitingFor() {
          for (const text of resource.waitingFor?.() ?? []) ever.add(text)
          return [...ever]
        },
      }
    },
  },
  {
    bug: 'unfinished asks the connection that has been closed',
    caughtBy: 'unfinished tells a number whenever its step may be over: never started, drained, cut',
    mutate: ({ state, works }) => ({
      unfinished() {
        if (state.drained) throw new Error('not connected')
        return works()
      },
    }),
  },
  {
    bug: 'unfinished asks the server',
    caughtBy: 'unfinished tells a number whenever its step may be over: never started, drained, cut',
    mutate: () => ({ unfinished: () => Promise.resolve(0) as unknown as number }),
  },
  {
    bug: 'lastArrival tells the wall clock',
    caughtBy: 'lastArrival tells when work last came after quiesce',
    serves: true,
    mutate: () => ({ lastArrival: () => Date.now() }),
  },
  {
    bug: 'lastArrival stays at the first',
    caughtBy: 'lastArrival tells when work last came after quiesce',
    serves: true,
    mutate({ state }) {
      let first: number | undefined
      return { lastArrival: () => (first ??= state.arrivedAt) }
    },
  },
  {
    bug: 'drain rejects a promise that nobody holds',
    caughtBy: 'drain finishes what is in flight, and only then settles',
    alsoBy: 'any',
    mutate: ({ resource }) => ({
      drain(context) {
        void Promise.reject(new Error('left behind'))
        return resource.drain(context)
      },
    }),
  },
  {
    bug: 'a drain that comes when one is over rejects',
    caughtBy: 'drain called several times, at once and after one another, is one drain',
    mutate({ resource }) {
      let isOver = false
      return {
        async drain(context) {
          if (isOver) throw new Error('called more than once')
          await resource.drain(context)
          isOver = true
        },
      }
    },
  },
  {
    bug: 'drain waits on when its work has finished',
    caughtBy: 'drain finishes what is in flight, and only then settles',
    alsoBy: ['nothing is in flight when drain has resolved'],
    mutate: ({ resource, works }) => ({
      async drain(context) {
        const atBegin = works()
        await resource.drain(context)
        if (atBegin === 2 && !context.signal.aborted) await never()
      },
    }),
  },
  {
    bug: 'inFlight is 0 as soon as it drains',
    caughtBy: 'inFlight is truthful',
    mutate: ({ state, works }) => ({ inFlight: () => (state.drain ? 0 : works()) }),
  },
  {
    bug: 'inFlight counts before the start',
    caughtBy: 'inFlight is truthful',
    mutate: ({ state, works }) => ({ inFlight: () => (state.socket ? works() : 1) }),
  },
]
