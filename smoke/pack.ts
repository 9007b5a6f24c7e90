import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const packagesFolder = fileURLToPath(new URL('../packages', import.meta.url))

export interface Packed {
  readonly name: string
  /** Absolute path of the tarball, as npm would publish it. */
  readonly tarball: string
  readonly peers: readonly string[]
}

/** Packs every package into `folder`, from what the build left in `dist`. */
export async function packAll(folder: string): Promise<Packed[]> {
  const packed: Packed[] = []
  for (const short of await readdir(packagesFolder)) {
    const cwd = join(packagesFolder, short)
    const { stdout } = await execute('pnpm', ['pack', '--json', '--pack-destination', folder], { cwd })
    const { filename } = JSON.parse(stdout) as { filename: string }
    const manifest = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8')) as { name: string; peerDependencies?: Record<string, string> }
    packed.push({ name: manifest.name, tarball: filename, peers: Object.keys(manifest.peerDependencies ?? {}) })
  }
  return packed
}

/** Names of the files in a tarball, without its top folder. */
export async function filesIn(tarball: string): Promise<string[]> {
  const { stdout } = await execute('tar', ['-tzf', tarball])
  return stdout.trim().split('\n').map((file) => file.replace(/^package\//, ''))
}

/** An empty project outside the repository with the tarballs, and the given packages from the registry, installed by npm. */
export async function makeConsumer(packed: readonly Packed[], dependencies: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lameduck-smoke-'))
  const tarballs = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]))
  const manifest = { name: 'consumer', private: true, type: 'commonjs', dependencies: { ...tarballs, ...dependencies } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await mkdir(join(folder, 'src'))
  await execute('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], { cwd: folder, maxBuffer: 1e8 })
  return folder
}

/** Runs a program to its end; a code other than 0 rejects with its output. */
export async function runIn(folder: string, program: string, parameters: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await execute(program, parameters, { cwd: folder, maxBuffer: 1e8 })
    return stdout + stderr
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string }
    throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error })
  }
}
