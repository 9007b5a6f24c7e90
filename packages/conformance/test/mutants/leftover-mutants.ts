import { connect } from 'node:net'
import { leak, listenForEver, wholeLife, type Mutant } from './mutant.ts'

export const leftoverMutants: readonly Mutant[] = [
  {
    bug: 'drain leaves a timer',
    caughtBy: 'nothing is left in the process after drain: no timer, no socket',
    mutate: (client) => ({
      async drain(context) {
        await client.resource.drain(context)
        if (!context.signal.aborted && !client.state.lost) leak(client)
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
        if (!client.state.lost && !client.state.frozen) leak(client)
        return client.resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force leaves its connection open, unreferenced',
    caughtBy: 'no connection is left at the peer after force',
    alsoBy: [
      'force settles within its bound: draining, without waiting for drain',
      'stays quiet after force with a frozen peer that answers again',
      'tally tells as cut, once, what force ends',
      'tally counts once what a frozen peer answers after the cut',
      'what was cut is told that it was cut',
    ],
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
    alsoBy: 'any',
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
    alsoBy: 'any',
    mutate: ({ resource, state }) => ({
      async start(context) {
        await resource.start?.(context)
        state.socket?.removeAllListeners('error')
      },
    }),
  },
  {
    bug: 'drain leaves an unreferenced timer',
    caughtBy: 'nothing is left in the process after drain: no timer, no socket',
    mutate: (client) => ({
      async drain(context) {
        await client.resource.drain(context)
        if (context.signal.aborted || client.state.lost) return
        leak(client)
        client.state.leaks.at(-1)?.unref()
      },
    }),
  },
  {
    bug: 'drain leaves a listener on process',
    caughtBy: 'nothing is left in the process after drain: no timer, no socket',
    alsoBy: [wholeLife],
    mutate: ({ resource, state, works }) => ({
      async drain(context) {
        if (state.socket && works() === 0 && !state.lost && !context.signal.aborted) listenForEver()
        await resource.drain(context)
      },
    }),
  },
  {
    bug: 'its construction begins a timer that nobody ends',
    caughtBy: wholeLife,
    mutate() {
      setInterval(() => {}, 60_000).unref()
      return {}
    },
  },
  {
    bug: 'force leaves a timer when the peer is frozen',
    caughtBy: 'nothing is left in the process after force with a frozen peer: no timer, no socket',
    alsoBy: ['stays quiet after force with a frozen peer that answers again'],
    mutate: (client) => ({
      force(context) {
        if (client.state.frozen && !client.state.starting) leak(client)
        return client.resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force does not end the reconnecting, unreferenced',
    caughtBy: 'stays quiet after force with a frozen peer that answers again',
    mutate: ({ resource, state, link }) => ({
      force(context) {
        if (state.frozen && !state.starting) connect(link.port, link.host).on('error', () => {}).unref()
        return resource.force?.(context)
      },
    }),
  },
  {
    bug: 'drain leaves the retry of a lost connection running',
    caughtBy: 'nothing is left in the process after drain with a dead peer: no timer, no retry',
    mutate: (client) => ({
      async drain(context) {
        if (client.state.lost && !context.signal.aborted) leak(client)
        await client.resource.drain(context)
      },
    }),
  },
  {
    bug: 'preStop begins a timer that no drain ends',
    caughtBy: 'nothing is left in the process after drain: no timer, no socket',
    mutate: (client) => ({
      preStop: (announced) => void (announced && leak(client)),
      force(context) {
        for (const timer of client.state.leaks) clearInterval(timer)
        return client.resource.force?.(context)
      },
    }),
  },
  {
    bug: 'force lets a start go on connecting, unreferenced',
    caughtBy: 'nothing is left of a start that was cut, though the peer answers later: no timer, no socket',
    mutate: ({ resource, state, link }) => ({
      force(context) {
        if (state.starting) connect(link.port, link.host).on('error', () => {}).unref()
        return resource.force?.(context)
      },
    }),
  },
]
