import type { ServerName } from './server.ts'
import { startServers } from './start-servers.ts'

const variables: Record<ServerName, string> = { postgres: 'DATABASE_URL', redis: 'REDIS_URL', kafka: 'KAFKA_BROKERS' }

/**
 * A `setup` function for Vitest's `globalSetup`: the tests of one package find the servers' URLs in their environment.
 * A URL that is there already is used, so that the root command can share one set of servers among all packages.
 *
 * @throws if a server cannot be had: tests are never skipped
 */
export function serveTests<const Name extends ServerName>(...want: readonly Name[]): () => Promise<() => Promise<void>> {
  return async () => {
    const servers = await startServers({ want, onExit: (message) => process.stderr.write(`${message}\n`) })
    const before = want.map((name) => [variables[name], process.env[variables[name]]] as const)
    const missing = want.map((name) => servers[name]).flatMap((server) => (server.ok ? [] : [server.message]))
    if (missing.length > 0) {
      await servers.stop()
      throw new Error(missing.join('\n'))
    }
    for (const name of want) {
      const server = servers[name]
      if (server.ok) process.env[variables[name]] = server.url
    }
    return async () => {
      for (const [variable, value] of before) {
        if (value === undefined) delete process.env[variable]
        else process.env[variable] = value
      }
      await servers.stop()
    }
  }
}
