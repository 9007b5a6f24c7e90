import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const here = fileURLToPath(new URL('..', import.meta.url))
const tsc = fileURLToPath(new URL('../../../../node_modules/typescript/bin/tsc', import.meta.url))
const options = '--ignoreConfig --strict --skipLibCheck --target es2023 --module nodenext --moduleDetection force --types node --rewriteRelativeImportExtensions'

export interface Programs {
  /** Absolute path of the compiled program. */
  path(name: string): string
  remove(): Promise<void>
}

/**
 * Compiles TypeScript programs under `strict`, each given by its name and its text; they may import from `../programs/`.
 *
 * @throws Error with the compiler's messages.
 */
export async function compilePrograms(texts: Readonly<Record<string, string>>): Promise<Programs> {
  const folder = await mkdtemp(`${here}.compiled-`)
  const files = Object.entries(texts).map(([name, text]) => [`${folder}/${fileName(name)}.ts`, text] as const)
  try {
    await mkdir(`${folder}/out`)
    for (const [file, text] of files) await writeFile(file, text)
    const parameters = [tsc, ...options.split(' '), '--rootDir', here, '--outDir', `${folder}/out`, ...files.map(([file]) => file)]
    await run(process.execPath, parameters).catch(({ stdout }: { readonly stdout: string }) => {
      throw new Error(stdout)
    })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return {
    path: (name) => `${folder}/out/${basename(folder)}/${fileName(name)}.js`,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function fileName(name: string): string {
  return name.replaceAll(/[^a-z0-9]+/gi, '-')
}
