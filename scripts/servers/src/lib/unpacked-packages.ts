import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { findOnPath, isExecutable } from './find-on-path.ts'
import { withInstallLock } from './install-lock.ts'
import type { Context } from './recipe.ts'
import { Unavailable } from './unavailable.ts'
import { inWorkFolder } from './work-folder.ts'

export interface Unpacked {
  readonly file: string
  /** Lets the program find the libraries that were unpacked with it. */
  readonly env: NodeJS.ProcessEnv
}

export interface Packages {
  /** `Redis`, for people. */
  readonly title: string
  /** The folder of the cache. */
  readonly name: string
  /** Packages of Debian and Ubuntu; what they need and the system lacks comes along. */
  readonly packages: readonly string[]
  /** Where the program is below `/`, such as `usr/bin/redis-server`. */
  readonly program: string
}

/**
 * A program from the packages of Debian or Ubuntu, fetched and checked by apt-get but unpacked into the cache instead
 * of installed: that needs no root, changes nothing on the system, and starts no service.
 *
 * @throws Unavailable if it cannot be fetched
 */
export async function unpackedPackages(wanted: Packages, context: Context): Promise<Unpacked> {
  const { env, cacheFolder, onProgress } = context
  const { title, name, program } = wanted
  const folder = join(cacheFolder, name)
  const file = join(folder, program)
  if (!(await isExecutable(file))) {
    if (!(await findOnPath(env, 'apt-get')) || !(await findOnPath(env, 'dpkg-deb'))) {
      throw new Unavailable(`there is no ${program.split('/').at(-1)} on PATH, and no apt-get to fetch it with`)
    }
    await withInstallLock(cacheFolder, name, () => onProgress(`${title}: waiting for another installation`), async () => {
      if (!(await isExecutable(file))) await fetch(wanted, context, folder)
    })
  }
  const libraries = join(folder, 'usr', 'lib')
  const triplets = (await readdir(libraries).catch(() => [])).filter((each) => each.includes('-linux-gnu'))
  const path = [...triplets.map((each) => join(libraries, each)), env['LD_LIBRARY_PATH'] ?? ''].filter((each) => each !== '').join(':')
  return { file, env: path === '' ? env : { ...env, LD_LIBRARY_PATH: path } }
}

async function fetch({ title, packages, program }: Packages, { env, cacheFolder, onProgress }: Context, target: string): Promise<void> {
  await inWorkFolder(cacheFolder, async ({ folder, run }) => {
    const lists = join(folder, 'lists')
    const archives = join(folder, 'archives')
    const root = join(folder, 'root')
    await Promise.all([join(lists, 'partial'), join(archives, 'partial'), root].map(async (each) => mkdir(each, { recursive: true })))
    const settings = [
      `Dir::State::lists=${lists}`,
      `Dir::Cache::archives=${archives}`,
      `Dir::Cache::pkgcache=${join(folder, 'packages.bin')}`,
      `Dir::Cache::srcpkgcache=${join(folder, 'sources.bin')}`,
      'APT::Update::Error-Mode=any',
      // The locks are those of the system; nothing of it is touched.
      'Debug::NoLocking=true',
      'APT::Sandbox::User=root',
    ]
    const options = ['-q', '-y', ...settings.flatMap((each) => ['-o', each])]
    const aptEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive' }
    onProgress(`${title}: apt-get update`)
    await run('apt-get', ['update', ...options], aptEnv)
    onProgress(`${title}: fetching the package ${packages[0]}`)
    await run('apt-get', ['install', '--download-only', '--reinstall', '--no-install-recommends', ...options, ...packages], aptEnv)
    for (const name of await readdir(archives)) {
      if (name.endsWith('.deb')) await run('dpkg-deb', ['--extract', join(archives, name), root], env)
    }
    if (!(await isExecutable(join(root, program)))) throw new Unavailable(`the package ${packages[0]} holds no ${program.split('/').at(-1)}`)
    await rm(target, { recursive: true, force: true })
    await rename(root, target)
  })
}
