import { findOnPath } from './find-on-path.ts'
import { withInstallLock } from './install-lock.ts'
import type { Context } from './recipe.ts'
import { runToEnd } from './run-to-end.ts'

/** Whether packages of the system can be installed without asking anybody: root on Debian or Ubuntu. */
export async function mayInstallPackages({ env }: Context): Promise<boolean> {
  return process.getuid?.() === 0 && (await findOnPath(env, 'apt-get')) !== undefined
}

/**
 * Installs packages of the system; only for programs that are no services.
 *
 * @throws Unavailable if that does not work
 */
export async function installPackages(context: Context, title: string, ...packages: readonly string[]): Promise<void> {
  const { env, cacheFolder, onProgress } = context
  const aptEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive' }
  const wait = ['-o', 'DPkg::Lock::Timeout=300']
  await withInstallLock(cacheFolder, 'apt', () => onProgress(`${title}: waiting for another installation`), async () => {
    onProgress(`${title}: apt-get install ${packages.join(' ')}`)
    await runToEnd('apt-get', ['update', '-q', ...wait], { env: aptEnv })
    await runToEnd('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...wait, ...packages], { env: aptEnv })
  })
}
