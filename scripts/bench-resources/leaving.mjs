import { inTurns, spread } from '../../packages/core/bench/measure.mjs'
import { using } from '../../packages/core/bench/process.mjs'
import { start } from './start.mjs'

/**
 * How long it takes to leave: the bare client's own close against the adapter's drain, idle and with work in flight, and against its force
 * when the server is frozen.
 *
 * @param {() => Promise<object>} frozen freezes a server of its own once a client is open, see `frozenServer`
 * @returns {Promise<Record<'idle' | 'busy' | 'frozen', Record<'bare' | 'lameduck', { tookMs?: object, stuck: number, lost: number }>>>}
 */
export async function leaving(name, url, { options, server }, rounds, onRound) {
  const one = (program, ask, at = url, parameters = {}) => using([start(name, program, at, options)], ([client]) => client.ask(ask, parameters))
  const states = {
    idle: (program) => one(program, 'leave', url, { busy: false }),
    busy: (program) => one(program, 'leave', url, { busy: true }),
    frozen: (program) => whileFrozen(name, program, server, options),
  }
  const result = {}
  for (const [state, leave] of Object.entries(states)) {
    const all = await inTurns({ bare: () => leave('bare'), lameduck: () => leave('lameduck') }, rounds, onRound(state))
    result[state] = Object.fromEntries(Object.entries(all).map(([program, figures]) => [program, summary(figures)]))
  }
  return result
}

function whileFrozen(name, program, { url, freeze, thaw }, options) {
  return using([start(name, program, url, options)], async ([client]) => {
    await freeze()
    try {
      return await client.ask('cut')
    } finally {
      await thaw()
    }
  })
}

/** `lost`: the most of one round that failed or never settled. */
function summary(figures) {
  return {
    tookMs: spread(figures.flatMap(({ tookMs }) => tookMs ?? [])),
    stuck: figures.filter(({ tookMs }) => tookMs === undefined).length,
    lost: Math.max(...figures.map(({ failed = 0, neverSettled = 0 }) => failed + neverSettled)),
  }
}
