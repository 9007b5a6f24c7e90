import type { Recipe } from './recipe.ts'
import type { Server } from './server.ts'

export interface ContainerOptions {
  readonly args: readonly string[]
  readonly onProgress: (text: string) => void
}

export async function startContainer(_recipe: Recipe, _options: ContainerOptions): Promise<Server | undefined> {
  return undefined
}
