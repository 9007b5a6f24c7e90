import { using } from '../../core/bench/process.mjs'
import { inSlices, pin } from '../../core/bench/slices.mjs'
import { start } from './start.mjs'

/** Closed loop: as many requests in flight at once. */
const connections = 32
const warmUp = 20_000
const slices = 61
const requestsPerSlice = 750
const requestsBetween = 150

/**
 * CPU time that a request costs the server's process, all threads counted, as a ratio to `bare`. One round: a fresh process of each
 * program, all warmed up, then served in slices (`inSlices`).
 *
 * Client and servers share one core, where Linux lets them: what a request costs depends on how many arrive in one turn of the loop,
 * and on two cores that depends on who is faster at the moment. On one, a client sends all it can, and then the server answers all.
 *
 * @returns {Promise<{ ratio: Record<string, number>, ofTotals: Record<string, number>, bareUs: number, pinned: boolean }>}
 */
export function cpuPerRequest(programs) {
  return using(['client', 'bare', ...programs, 'bare'].map(start), async ([client, ...servers]) => {
    const pinned = [client, ...servers].every(({ pid }) => pin(pid))
    const load = (server, requests) => client.ask('load', { port: server.port, connections, requests })
    for (const server of servers) await load(server, warmUp)
    const { ratio, ofTotals, bare } = await inSlices(programs, slices, async (index) => {
      // Whoever was served before has left its own in the caches.
      await load(servers[index], requestsBetween)
      const before = await servers[index].ask('cpu')
      const served = await load(servers[index], requestsPerSlice)
      return ((await servers[index].ask('cpu')) - before) / served
    })
    return { ratio, ofTotals, bareUs: bare, pinned }
  })
}
