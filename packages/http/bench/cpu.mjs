import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { median } from '../../core/bench/measure.mjs'
import { using } from './process.mjs'

/** Closed loop: as many requests in flight at once. */
const connections = 32
const warmUp = 20_000
const slices = 61
const requestsPerSlice = 750
const requestsBetween = 150

/**
 * CPU time that a request costs the server's process, all threads counted, as a ratio to `bare`. One round: a fresh process of each
 * program, all warmed up, then served in short slices in turns, each time in another order. A slice is compared with the slices of
 * `bare` of the same turn, so that whatever else the machine does hits both alike; the round's figure is the median. `ofTotals` compares
 * the sums instead: noisier, but it has the garbage collections that most slices are without.
 *
 * @returns {Promise<{ ratio: Record<string, number>, ofTotals: Record<string, number>, bareUs: number, pinned: boolean }>} both also
 *   have `bare again`: one more process of `bare`, compared in the same way, which shows what is noise
 */
export function cpuPerRequest(programs) {
  const names = ['bare', ...programs, 'bare']
  return using(['client', ...names], async ([client, ...servers]) => {
    const pinned = [client, ...servers].every(({ pid }) => pin(pid))
    const load = (server, requests) => client.ask('load', { port: server.port, connections, requests })
    for (const server of servers) await load(server, warmUp)
    const usOf = servers.map(() => [])
    for (let slice = 0; slice < slices; slice += 1) {
      for (const index of shuffled(servers.length)) {
        // Whoever was served before has left its own in the caches.
        await load(servers[index], requestsBetween)
        const before = await servers[index].ask('cpu')
        const served = await load(servers[index], requestsPerSlice)
        usOf[index].push(((await servers[index].ask('cpu')) - before) / served)
      }
    }
    const bare = [usOf[0], usOf.at(-1)]
    // To each of the two by itself: the mean of two is less often low than one, which would make everything look cheaper.
    const compare = (ratio) => ({
      ...Object.fromEntries(programs.map((name, index) => [name, bare.reduce((total, one) => total + ratio(usOf[index + 1], one) / bare.length, 0)])),
      'bare again': ratio(bare[1], bare[0]),
    })
    return {
      ratio: compare((figures, to) => median(figures.map((us, slice) => us / to[slice]))),
      ofTotals: compare((figures, to) => sum(figures) / sum(to)),
      bareUs: median(bare.flat()),
      pinned,
    }
  })
}

/**
 * Client and servers share one core, where Linux lets them: what a request costs depends on how many arrive in one turn of the loop,
 * and on two cores that depends on who is faster at the moment. On one, a client sends all it can, and then the server answers all.
 */
function pin(pid) {
  try {
    execFileSync('taskset', ['-acp', String(availableParallelism() - 1), String(pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The numbers below `count` in any order: in a fixed one, or in one and its reverse, somebody always comes after the same other. */
function shuffled(count) {
  return Array.from({ length: count }, (_, index) => ({ index, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ index }) => index)
}

function sum(figures) {
  return figures.reduce((total, figure) => total + figure)
}
