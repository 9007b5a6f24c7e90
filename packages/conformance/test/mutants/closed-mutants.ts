import type { LineClient } from '../line-client.ts'
import type { Mutant } from './mutant.ts'

/** Calls fail with an error of the client's own. */
function refusedInOwnWords(client: LineClient, when: () => boolean): void {
  const { request } = client
  Object.assign(client, {
    request(verb: string) {
      const { id, answered } = request(verb)
      return { id, answered: when() ? answered.catch(() => Promise.reject(new Error('Connection is closed.'))) : answered }
    },
  })
}

export const closedMutants: readonly Mutant[] = [
  {
    bug: 'what comes when it has drained gets an error of its own',
    caughtBy: 'what comes when it has drained is told that it is closed',
    mutate(client) {
      refusedInOwnWords(client, () => client.state.drained && !client.state.forced)
      return {}
    },
  },
  {
    bug: 'what comes when it was cut gets an error of its own',
    caughtBy: 'what comes when it was cut is told that it is closed',
    mutate(client) {
      refusedInOwnWords(client, () => client.state.forced)
      return {}
    },
  },
  {
    bug: 'what is cut gets the error of its connection',
    caughtBy: 'what was cut is told that it was cut',
    mutate: ({ resource, pending }) => ({
      force(context) {
        for (const { settle } of pending.values()) settle(new Error('connection closed'))
        return resource.force?.(context)
      },
    }),
  },
]
