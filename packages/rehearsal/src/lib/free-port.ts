import { createServer } from 'node:net'

/** Below the ephemeral ranges of Linux (32768), macOS and Windows (49152). */
const lowestPort = 20_000
const highestPort = 32_000

/**
 * A loopback port that is free now and stays free until its replica listens. `listen(0)` would not do: it gives
 * ports of the ephemeral range, where the load's own outgoing connections may take them in between. Not by the seed:
 * two rehearsals of one seed, side by side, would look for the same ports at the same time.
 */
export async function findFreePort(taken: Set<number>): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort))
    if (taken.has(port)) continue
    taken.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`found no free port between ${lowestPort} and ${highestPort} on 127.0.0.1`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
