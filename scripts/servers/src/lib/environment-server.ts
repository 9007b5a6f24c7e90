import type { Recipe } from './recipe.ts'
import type { Server } from './server.ts'
import { Unavailable } from './unavailable.ts'
import { waitUntilReady } from './wait-until-ready.ts'

const answerLimitMs = 5_000

/**
 * A server that the user started and named by a URL. It is used and left alone.
 *
 * @throws Unavailable if none answers there within 5 s: another server in its place would only hide the mistake
 */
export async function environmentServer(recipe: Recipe, url: string): Promise<Server> {
  const { name, title, variable } = recipe
  const where = withoutCredentials(url)
  let version: string
  try {
    version = await waitUntilReady(async () => recipe.check(url), answerLimitMs)
  } catch (error) {
    const why = error instanceof Error ? error.message || ('code' in error ? String(error.code) : error.name) : String(error)
    throw new Unavailable(`${variable} is set, but no ${title} answers at ${where} (${why})`)
  }
  return {
    ok: true,
    name,
    url,
    source: 'environment',
    detail: `${title} ${version} at ${where} (${variable})`.replace('  ', ' '),
    pid: undefined,
    freeze: refuse,
    thaw: refuse,
    kill: refuse,
    restart: refuse,
    stop: async () => {},
  }

  async function refuse(): Promise<never> {
    throw new Error(`${title} at ${where} belongs to the user (${variable}); start one with { private: true } to freeze or kill it`)
  }
}

function withoutCredentials(url: string): string {
  return url.replace(/^[a-z]+:\/\//, '').replace(/^[^@/]*@/, '').replace(/[/?].*$/, '')
}
