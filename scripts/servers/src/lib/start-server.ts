import { fileURLToPath } from 'node:url'
import { startContainer } from './container-server.ts'
import { environmentServer } from './environment-server.ts'
import { kafka } from './kafka.ts'
import { startLocalServer } from './local-server.ts'
import { postgres } from './postgres.ts'
import type { Recipe } from './recipe.ts'
import { redis } from './redis.ts'
import { origins, type NoServer, type Origin, type Server, type ServerName, type ServerOptions } from './server.ts'
import { Unavailable } from './unavailable.ts'

const recipes: Record<ServerName, Recipe> = { postgres, redis, kafka }

/** Where fetched programs are kept. */
export const defaultCacheFolder: string = fileURLToPath(new URL('../../../../.cache', import.meta.url))

/**
 * Starts one server, from the first origin that can give it, or says in one line why there is none.
 * The caller owns it and should `stop()` it; it also ends when the caller's process does, even by SIGKILL.
 */
export async function startServer(name: ServerName, options: ServerOptions = {}): Promise<Server | NoServer> {
  const { env = process.env, from = origins, args = [], cacheFolder = defaultCacheFolder, onProgress = () => {}, onExit = () => {} } = options
  const recipe = recipes[name]
  const context = { env, cacheFolder, onProgress }
  const allowed = new Set(options.private ? from.filter((origin) => origin !== 'environment') : from)
  const failures: string[] = []

  const ways: Record<Origin, () => Promise<Server | undefined>> = {
    environment: async () => {
      const url = env[recipe.variable]
      return url ? environmentServer(recipe, url) : undefined
    },
    docker: async () => startContainer(recipe, { args, onProgress }),
    PATH: async () => {
      const program = await recipe.find(context)
      return program && startLocalServer(recipe, program, 'PATH', { args, onProgress, onExit })
    },
    installed: async () => startLocalServer(recipe, await recipe.install(context), 'installed', { args, onProgress, onExit }),
  }

  for (const origin of origins.filter((each) => allowed.has(each))) {
    try {
      const server = await ways[origin]()
      if (server) return server
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      failures.push(error.message)
      if (origin === 'environment') return { ok: false, name, message: `No ${recipe.title}: ${error.message}. Start it, or unset ${recipe.variable}.` }
      onProgress(`${recipe.title}: ${error.message}`)
    }
  }
  const why = failures.length > 0 ? failures.join('; ') : `none was found (${[...allowed].join(', ')})`
  return { ok: false, name, message: `No ${recipe.title}: ${why}. To have one, ${recipe.remedies}.` }
}
