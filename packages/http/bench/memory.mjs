import { using } from '../../core/bench/process.mjs'
import { start } from './start.mjs'

/**
 * Bytes that one idle connection holds in the server: each has made one request. What is there without connections, after some that
 * have come and gone, is taken off.
 *
 * @returns {Promise<{ heap: number, external: number, resident: number }>}
 */
export function bytesPerConnection(program, connections) {
  return using(['client', program].map(start), async ([client, server]) => {
    await client.ask('idle', { port: server.port, connections: Math.ceil(connections / 10) })
    await client.ask('leave')
    const before = await server.ask('memory')
    const open = await client.ask('idle', { port: server.port, connections })
    if (open !== connections) throw new Error(`${program}: only ${open} of ${connections} connections stayed open`)
    const after = await server.ask('memory')
    const each = (key) => (after[key] - before[key]) / connections
    return { heap: each('heapUsed'), external: each('external'), resident: each('rss') }
  })
}
