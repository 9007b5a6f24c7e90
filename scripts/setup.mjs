import { createHash } from 'node:crypto'
import fs, { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { oneAtATime } from './one-at-a-time.mjs'
import { progress, run, StepError } from './step.mjs'
import { inUnfinishedFolder } from './unfinished-folder.mjs'
import { whyFailed } from './why-failed.mjs'
import { homeInstead } from './writable-home.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, '.cache')

/**
 * Brings a fresh clone to the point where everything can run: package manager, dependencies, build. Whatever is
 * there already is left alone, so that a second run costs about a second.
 *
 * @returns the environment for child processes, with the package manager on PATH
 */
export async function setUp() {
  requireNode()
  await requireWritable(root)
  await requireWritable(cache)
  const home = await homeInstead(process.env, join(cache, 'home'))
  if (home !== undefined) {
    await mkdir(home.changes.HOME, { recursive: true })
    Object.assign(process.env, home.changes)
    process.stderr.write(`  ${home.why}; .cache/home takes its place\n`)
  }
  return oneAtATime(join(cache, 'setting-up'), bringUp, (pid) => process.stderr.write(`  waiting for process ${pid}, which is setting up this clone\n`))
}

async function bringUp() {
  const env = { ...process.env, PATH: `${await pnpm()}${delimiter}${process.env.PATH}`, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }
  await install(env)
  await step('building', env, 'pnpm', ['exec', 'turbo', 'run', 'build', '--output-logs=errors-only'])
  return env
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24) return
  throw new StepError(`lameduck needs Node 20.19, 22.12, 24 or later; this is ${process.version} (${process.execPath}).`)
}

/** The pinned package manager, from npm into the cache: corepack is not everywhere, and checks signatures that expire. */
async function pnpm() {
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const folder = join(cache, 'tools', packageManager.replace('@', '-'))
  const bin = join(folder, 'node_modules', '.bin')
  if (existsSync(join(bin, 'pnpm'))) return bin
  await removeOld(cache, 'pnpm-')
  await requireRoom(cache, 60_000_000)
  await inUnfinishedFolder(join(cache, 'pnpm-'), async (unfinished) => {
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    const parameters = ['install', '--prefix', unfinished, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1', packageManager]
    await step(`installing ${packageManager}`, process.env, npm, parameters)
    // The disk may have become full meanwhile.
    await step(`checking ${packageManager}`, process.env, join(unfinished, 'node_modules', '.bin', 'pnpm'), ['--version'], 'Is the disk full?')
    await mkdir(join(cache, 'tools'), { recursive: true })
    await rename(unfinished, folder)
  })
  return bin
}

async function install(env) {
  const stamp = join(root, 'node_modules', '.lameduck-installed')
  const wanted = await fingerprint(['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted) return
  await step('installing dependencies', { ...env, CI: 'true' }, 'pnpm', ['install', '--frozen-lockfile', '--reporter=append-only', '--fetch-retries=1'])
  await writeFile(stamp, wanted)
}

async function fingerprint(files) {
  const hash = createHash('sha256').update(process.version)
  for (const file of files) hash.update(await readFile(join(root, file)))
  return hash.digest('hex')
}

async function step(label, env, program, parameters, remedy = '') {
  const shown = progress(label)
  try {
    const { code, output } = await run(program, parameters, { env, cwd: root })
    if (code !== 0) throw new StepError(whyFailed(label, code, output, remedy))
    shown.end()
  } catch (error) {
    shown.end('failed')
    throw error
  }
}

async function requireWritable(folder) {
  try {
    await mkdir(folder, { recursive: true })
    await rm(await mkdtemp(join(folder, '.probe-')), { recursive: true })
  } catch (error) {
    const remedy = error.code === 'ENOSPC' ? 'make room there' : 'make it writable, or clone into another folder'
    throw new StepError(`cannot write to ${folder} (${error.code}): ${remedy}.`)
  }
}

/** npm reports success on a full disk, with truncated files. */
async function requireRoom(folder, bytes) {
  // Imported by its name, it would keep Node 16 from being told that it is too old.
  const { bavail, bsize } = await promisify(fs.statfs)(folder)
  const megabytes = (value) => `${Math.floor(value / 1_000_000)} MB`
  if (bavail * bsize < bytes) throw new StepError(`${folder} has ${megabytes(bavail * bsize)} free, and ${megabytes(bytes)} are needed: make room there.`)
}

/** Removes what an interrupted run has left behind ten minutes ago or earlier, by how its name begins. */
export async function removeOld(folder, prefix) {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue
    const path = join(folder, name)
    // Whoever made it may be removing it.
    const { mtimeMs = Infinity } = (await stat(path).catch(() => undefined)) ?? {}
    if (Date.now() - mtimeMs > 600_000) await rm(path, { recursive: true, force: true })
  }
}
