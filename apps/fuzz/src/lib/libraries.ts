import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Mutant } from './target.ts'

const packages = fileURLToPath(new URL('../../../../packages', import.meta.url))

/** Imports a built file of a package, such as `core/build/lib/describe-value.js`; what is not exported is fuzzed as well. */
export type Load = <T>(file: string) => Promise<T>

export interface Libraries {
  readonly load: Load
  readonly isCovered: (url: string) => boolean
  readonly remove: () => Promise<void>
}

/** The packages as they were built last, or with one bug in a copy of its package. */
export async function openLibraries(mutant: Mutant | undefined): Promise<Libraries> {
  const [name = '', built = ''] = mutant?.file.split('/') ?? []
  // Inside of the package, so that its dependencies are found.
  const copied = `${name}/.fuzz-${process.pid}`
  if (mutant) {
    await cp(join(packages, name, built), join(packages, copied), { recursive: true })
    const file = join(packages, mutant.file.replace(`${name}/${built}`, copied))
    const parts = (await readFile(file, 'utf8')).split(mutant.find)
    if (parts.length !== 2) throw new Error(`"${mutant.find}" must occur once in ${mutant.file}; it does ${parts.length - 1} times`)
    await writeFile(file, parts.join(mutant.replace))
  }
  return {
    load: async <T>(file: string) => (await import(pathToFileURL(join(packages, mutant ? file.replace(`${name}/${built}/`, `${copied}/`) : file)).href)) as T,
    isCovered: (url) => /\/packages\/(?:core|http|probes)\/(?!node_modules)/.test(url),
    remove: async () => rm(join(packages, mutant ? copied : '.fuzz-none'), { recursive: true, force: true }),
  }
}
