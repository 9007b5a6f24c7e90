import type { Answering } from './recipe.ts'

/** The version that a server of our own tells, empty if it wants a password first; rejects as long as it does not answer. */
export async function answerOf(recipe: Answering, url: string): Promise<string> {
  try {
    return await recipe.check(url)
  } catch (error) {
    if (recipe.isRefusal?.(error)) return ''
    throw error
  }
}
