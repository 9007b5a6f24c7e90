import { access, constants } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where npm, pnpm and turbo keep their own things below a home: each must be writable if it is there. */
const kept = ['', '.npm', '.cache', '.config', '.local', '.local/share', '.local/share/pnpm', '.local/state']

/**
 * What package managers need in their environment where the home cannot be written to (read-only, another user's, none at
 * all), which npm answers with advice to run `sudo chown`: `instead` is their home then. The user's own `.npmrc`, with its
 * proxy and registry, is still read.
 *
 * @returns {Promise<{ why: string, changes: Record<string, string> } | undefined>} undefined where the home will do
 */
export async function homeInstead(env, instead) {
  const home = homeOf(env)
  const why = home === undefined ? 'there is no home folder' : await whyNotWritable(home)
  if (why === undefined) return undefined
  const own = join(home ?? instead, '.npmrc')
  const hasOwn = await access(own, constants.R_OK).then(() => true, () => false)
  const changes = {
    HOME: instead,
    npm_config_cache: join(instead, '.npm'),
    XDG_CACHE_HOME: join(instead, '.cache'),
    XDG_CONFIG_HOME: join(instead, '.config'),
    XDG_DATA_HOME: join(instead, '.local', 'share'),
    XDG_STATE_HOME: join(instead, '.local', 'state'),
  }
  return { why, changes: hasOwn ? { ...changes, npm_config_userconfig: own } : changes }
}

/** An empty `HOME` is none. */
function homeOf(env) {
  if (env.HOME !== undefined) return env.HOME || undefined
  try {
    return homedir() || undefined
  } catch {
    // A user without an entry in the list of users.
    return undefined
  }
}

async function whyNotWritable(home) {
  for (const name of kept) {
    const folder = join(home, name)
    const code = await access(folder, constants.W_OK).then(() => undefined, (error) => error.code)
    // What is missing below the home is made there.
    if (code !== undefined && !(code === 'ENOENT' && name !== '')) return `${folder} cannot be written to (${code})`
  }
  return undefined
}
