import type { Recipe } from './recipe.ts'
import type { Server } from './server.ts'
import { Unavailable, whyNot } from './unavailable.ts'
import { waitUntilReady } from './wait-until-ready.ts'

const answerLimitMs = 3_000

/**
 * A server that the user started and named by a URL. It is used and left alone.
 *
 * @throws Unavailable if none answers there within 3 s: another server in its place would only hide the mistake
 */
export async function environmentServer(recipe: Recipe, url: string): Promise<Server> {
  const { name, title, variable } = recipe
  const where = withoutCredentials(url)
  let version: string
  try {
    version = await waitUntilReady(async () => recipe.check(url), answerLimitMs)
  } catch (error) {
    throw new Unavailable(`${variable} is set, but no ${title} answers at ${where} (${whyNot(error)})`)
  }
  return {
    ok: true,
    name,
    url,
    source: 'environment',
    detail: `${[title, version].filter(Boolean).join(' ')} at ${where} (${variable})`,
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
