import type { Tally } from '@lameduck/core'
import type { LineClient } from '../line-client.ts'
import type { Mutant } from './mutant.ts'

const before = 'tally counts nothing before quiesce'
const finished = 'tally tells as done what finishes in the drain'
const served = 'tally tells as done what is served between quiesce and drain'
const failed = 'tally tells as failed, and why, what fails in the drain'
const cut = 'tally tells as cut, once, what force ends'
const frozen = 'tally counts once what a frozen peer answers after the cut'
const dead = 'tally counts every unit once, and none as done, when the peer dies in the drain'
const refused = 'tally tells as refused, and of what, what comes after the close'
const inLoops = 'tally and callers agree on what loops do that go on through the drain: done, or refused as closed'

/** The client's tally with something wrong. */
const wrong = (change: (tally: Tally, client: LineClient) => object) => (client: LineClient): { tally: () => Tally } => ({
  tally() {
    const tally = client.resource.tally?.() as Tally
    return { ...tally, ...change(tally, client) }
  },
})

export const tallyMutants: readonly Mutant[] = [
  { bug: 'tally counts a request for itself', caughtBy: before, alsoBy: 'any', mutate: wrong(({ done }) => ({ done: done + 1 })) },
  { bug: 'tally tells a bigint', caughtBy: before, alsoBy: 'any', mutate: wrong(({ done }) => ({ done: BigInt(done) })) },
  { bug: 'tally has one text for its reasons', caughtBy: before, alsoBy: 'any', mutate: wrong(() => ({ reasons: 'none' })) },
  {
    bug: 'tally has a reason for each unit',
    caughtBy: failed,
    mutate: wrong(({ failed, reasons }) => (failed === 0 ? {} : { reasons: [1, 2, 3, 4, 5, 6].map((unit) => `${unit}: ${reasons[0]}`) })),
    alsoBy: [dead],
  },
  {
    bug: 'tally throws when there is no connection',
    caughtBy: before,
    alsoBy: 'any',
    mutate: wrong((_tally, { state }) => {
      if (!state.socket) throw new Error('not connected')
      return {}
    }),
  },
  {
    bug: 'tally counts from the start',
    caughtBy: before,
    mutate({ resource, state }) {
      let isStopping = false
      return {
        quiesce(context) {
          isStopping = true
          resource.quiesce?.(context)
        },
        tally() {
          const tally = resource.tally?.() as Tally
          return { ...tally, done: !isStopping && state.arrivedAt !== undefined ? 1 : tally.done }
        },
      }
    },
  },
  { bug: 'tally forgets what is done when it has drained', caughtBy: finished, mutate: wrong((_tally, { state }) => (state.drained ? { done: 0 } : {})) },
  {
    bug: 'tally counts when the drain begins',
    caughtBy: served,
    serves: true,
    mutate({ resource }) {
      let early = 0
      return {
        drain(context) {
          early = resource.tally?.().done ?? 0
          return resource.drain(context)
        },
        tally() {
          const tally = resource.tally?.() as Tally
          return { ...tally, done: tally.done - early }
        },
      }
    },
  },
  { bug: 'tally takes what is over for done', caughtBy: failed, alsoBy: [dead], mutate: wrong((tally) => ({ done: tally.done + tally.failed, failed: 0 })) },
  { bug: 'tally does not tell why', caughtBy: failed, mutate: wrong(({ failed }) => (failed > 0 ? { reasons: [] } : {})) },
  { bug: 'tally takes what is cut for failed', caughtBy: cut, mutate: wrong((tally) => ({ failed: tally.failed + tally.cut, cut: 0 })) },
  {
    bug: 'a second force counts again',
    caughtBy: cut,
    mutate({ resource }) {
      let forces = 0
      return {
        force(context) {
          forces += 1
          return resource.force?.(context)
        },
        tally() {
          const tally = resource.tally?.() as Tally
          return { ...tally, cut: tally.cut * Math.max(forces, 1) }
        },
      }
    },
  },
  {
    bug: 'tally counts what is cut when its callers have heard of it',
    caughtBy: cut,
    alsoBy: [frozen],
    mutate({ resource, works }) {
      let heardAt = Infinity
      return {
        force(context) {
          heardAt = works() > 0 ? performance.now() + 50 : 0
          return resource.force?.(context)
        },
        tally() {
          const tally = resource.tally?.() as Tally
          return performance.now() < heardAt ? { ...tally, cut: 0 } : tally
        },
      }
    },
  },
  {
    bug: 'tally counts what is answered after the cut once more',
    caughtBy: frozen,
    mutate: wrong(({ cut }, { state, server }) => (state.frozen && state.forced && server.sockets.size === 0 ? { done: cut } : {})),
  },
  {
    bug: 'tally takes what a dead peer had for unknown, and for failed',
    caughtBy: dead,
    alsoBy: [failed],
    mutate: wrong(({ failed }) => ({ unknown: failed })),
  },
  { bug: 'tally does not count who comes too late', caughtBy: refused, mutate: wrong(() => ({ refused: 0 })) },
  { bug: 'tally does not count who comes after a cut', caughtBy: refused, mutate: wrong(({ refused }, { state }) => (state.forced ? { refused: Math.min(refused, 1) } : {})) },
  {
    bug: 'tally counts one call in ten twice',
    caughtBy: inLoops,
    serves: true,
    mutate: wrong(({ done }) => ({ done: done + Math.floor(done / 10) })),
  },
]
