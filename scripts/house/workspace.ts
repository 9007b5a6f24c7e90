import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'

/** A breach of a rule of the house: where, what, and what to do. */
export interface Breach {
  readonly file: string
  readonly message: string
}

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly description?: string
  readonly license?: string
  readonly homepage?: unknown
  readonly bugs?: unknown
  readonly repository?: unknown
  readonly type?: string
  readonly sideEffects?: boolean | readonly string[]
  readonly main?: string
  readonly types?: string
  readonly files?: readonly string[]
  readonly engines?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** One published package of `packages/`. */
export interface Package {
  /** Folder name, which is the name without the scope. */
  readonly short: string
  readonly folder: string
  readonly manifest: Manifest
  /** Source files that are published: not the tests. */
  readonly sources: readonly string[]
}

export interface Workspace {
  readonly root: string
  readonly packages: readonly Package[]
  readonly read: (file: string) => string
  readonly at: (file: string) => string
}

export function readWorkspace(root: string): Workspace {
  const packages = readdirSync(join(root, 'packages')).map((short): Package => {
    const folder = join(root, 'packages', short)
    return {
      short,
      folder,
      manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest,
      sources: filesBelow(join(folder, 'src')).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')),
    }
  })
  return {
    root,
    packages,
    read: (file) => readFileSync(file, 'utf8'),
    at: (file) => relative(root, file),
  }
}

export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (['node_modules', 'dist', '.cache', '.turbo', '.git'].includes(basename(entry.name))) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}
