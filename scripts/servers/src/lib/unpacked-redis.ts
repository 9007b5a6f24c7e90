import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { findOnPath, isExecutable } from './find-on-path.ts'
import { withInstallLock } from './install-lock.ts'
import type { Context } from './recipe.ts'
import { Unavailable } from './unavailable.ts'
import { inWorkFolder } from './work-folder.ts'

export interface UnpackedRedis {
  readonly file: string
  /** Lets the program find the libraries that were unpacked with it. */
  readonly env: NodeJS.ProcessEnv
}

/**
 * redis-server from the packages of Debian or Ubuntu, fetched and checked by apt-get but unpacked into the cache instead
 * of installed: that needs no root, changes nothing on the system, and starts no service.
 *
 * @throws Unavailable if it cannot be fetched
 */
export async function unpackedRedis(context: Context): Promise<UnpackedRedis> {
  const { env, cacheFolder, onProgress } = context
  const folder = join(cacheFolder, 'redis')
  const file = join(folder, 'usr', 'bin', 'redis-server')
  if (!(await isExecutable(file))) {
    if (!(await findOnPath(env, 'apt-get')) || !(await findOnPath(env, 'dpkg-deb'))) {
      throw new Unavailable('there is no redis-server on PATH, and no apt-get to fetch it with')
    }
    await withInstallLock(cacheFolder, 'redis', () => onProgress('Redis: waiting for another installation'), async () => {
      if (!(await isExecutable(file))) await fetch(context, folder)
    })
  }
  const libraries = join(folder, 'usr', 'lib')
  const triplets = (await readdir(libraries).catch(() => [])).filter((name) => name.includes('-linux-gnu'))
  const path = [...triplets.map((name) => join(libraries, name)), env['LD_LIBRARY_PATH'] ?? ''].filter((each) => each !== '').join(':')
  return { file, env: path === '' ? env : { ...env, LD_LIBRARY_PATH: path } }
}

async function fetch({ env, cacheFolder, onProgress }: Context, target: string): Promise<void> {
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
    onProgress('Redis: apt-get update')
    await run('apt-get', ['update', ...options], aptEnv)
    onProgress('Redis: fetching the package redis-server')
    await run('apt-get', ['install', '--download-only', '--reinstall', '--no-install-recommends', ...options, 'redis-server', 'redis-tools'], aptEnv)
    for (const name of await readdir(archives)) {
      if (name.endsWith('.deb')) await run('dpkg-deb', ['--extract', join(archives, name), root], env)
    }
    if (!(await isExecutable(join(root, 'usr', 'bin', 'redis-server')))) throw new Unavailable('the package redis-server holds no redis-server')
    await rm(target, { recursive: true, force: true })
    await rename(root, target)
  })
}
