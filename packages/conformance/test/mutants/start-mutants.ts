import { connect } from 'node:net'
import { orAborted } from '../line-client.ts'
import { leak, type Mutant } from './mutant.ts'

export const startMutants: readonly Mutant[] = [
  {
    bug: 'a phase that does not exist',
    caughtBy: 'has a name, a phase, sensible times and the declared members',
    mutate: () => ({ phase: 'servers' as 'intake' }),
  },
  {
    bug: 'start does not listen to its signal',
    caughtBy: 'start settles soon after it is aborted, though the peer is frozen',
    alsoBy: ['nothing is left of a start that was aborted, though the peer answers later: no timer, no socket'],
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
    bug: 'a warning that tells nobody what to do',
    caughtBy: 'has a name, a phase, sensible times and the declared members',
    mutate: () => ({ warnings: ['bad'] }),
  },
  {
    bug: 'a start that is aborted leaves its connection',
    caughtBy: 'nothing is left of a start that was aborted, though the peer answers later: no timer, no socket',
    mutate: ({ resource }) => ({ start: ({ signal }) => orAborted(Promise.resolve(resource.start?.({ signal: new AbortController().signal })), signal) }),
  },
  {
    bug: 'a check that is cut off leaves its timer',
    caughtBy: 'nothing is left of a check that was cut off: no timer, no socket',
    mutate: (client) => ({
      async check(context) {
        if (client.state.frozen) leak(client)
        await client.resource.check?.(context)
      },
    }),
  },
  {
    bug: 'a time that is none',
    caughtBy: 'has a name, a phase, sensible times and the declared members',
    mutate: () => ({ timeoutMs: -1 }),
  },
  {
    bug: 'a member that is declared, and absent',
    caughtBy: 'has a name, a phase, sensible times and the declared members',
    alsoBy: ['waitingFor tells what is in flight, and nothing when nothing is'],
    mutate: () => ({ waitingFor: undefined as never }),
  },
  {
    bug: 'a drainFrom that does not exist',
    caughtBy: 'has a name, a phase, sensible times and the declared members',
    mutate: () => ({ drainFrom: 'end' as 'signal' }),
  },
  {
    bug: 'a check that passes leaves its timer',
    caughtBy: 'checks that pass leave nothing that adds up: no timer, no socket',
    mutate: (client) => ({
      async check(context) {
        await client.resource.check?.(context)
        leak(client)
      },
    }),
  },
  {
    bug: 'a start that is aborted goes on connecting, unreferenced',
    caughtBy: 'nothing is left of a start that was aborted, though the peer answers later: no timer, no socket',
    mutate: ({ resource, link }) => ({
      start(context) {
        context.signal.addEventListener('abort', () => void connect(link.port, link.host).on('error', () => {}).unref())
        return resource.start?.(context)
      },
    }),
  },
]
