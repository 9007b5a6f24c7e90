import { builtinModules } from 'node:module'
import { basename, dirname, join } from 'node:path'
import type { Breach, Package, Workspace } from './workspace.ts'

/** Which packages of the house a package may import; what is not listed may import core alone. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  'adapter-express': ['core', 'http', 'probes'],
  'adapter-fastify': ['core', 'http', 'probes'],
  'adapter-nest': ['core', 'http', 'probes'],
}

/** Decorators are values: a Nest module cannot be written with types alone. And its handlers return Observables, which have to be followed. */
const valueImportsAllowed: Readonly<Record<string, readonly string[]>> = { 'adapter-nest': ['@nestjs/common', '@nestjs/core', 'rxjs'] }

const mayEndAProcess = ['core/src/lib/process/exit.ts', 'core/src/lib/witness/end-anyhow.ts'].map((path) => join(...path.split('/')))

const importPattern = /^(import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?'([^']+)'/gms

/** Core knows no framework, an adapter knows no other adapter, and nobody uses what it does not declare. */
export function checkBoundaries({ packages, read, at }: Workspace): Breach[] {
  return packages.flatMap((pkg) =>
    pkg.sources.flatMap((file) => {
      const text = read(file)
      const breaches = [...text.matchAll(importPattern)].flatMap(([statement, , type, specifier]) =>
        checkImport(pkg, specifier as string, type !== undefined || /^import\s*\{(\s*type\s[^,}]+,?)+\s*\}/.test(statement)),
      )
      return [...breaches, ...checkText(pkg, file, text)].map((message) => ({ file: at(file), message }))
    }),
  )
}

function checkImport({ short, manifest }: Package, specifier: string, typeOnly: boolean): string[] {
  if (specifier.startsWith('.')) return []
  if (specifier.startsWith('node:')) return builtinModules.includes(specifier.slice(5)) ? [] : [`imports ${specifier}, which Node does not have`]
  if (short === 'core') return [`imports ${specifier}: core imports only node: modules`]
  const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
  if (name.startsWith('@lameduck/')) {
    const other = name.slice('@lameduck/'.length)
    if (!(mayImport[short] ?? ['core']).includes(other)) return [`imports ${name}, which is against the direction of the packages`]
    if (!(specifier in exportsOf(name))) return [`imports ${specifier}: only the public entry of another package may be imported`]
  }
  if (manifest.dependencies?.[name]) return []
  if (!manifest.peerDependencies?.[name]) return [`imports ${name}, which its package.json does not declare`]
  const mayUseValues = name.startsWith('@lameduck/') || valueImportsAllowed[short]?.includes(name)
  return typeOnly || mayUseValues ? [] : [`imports values of its peer ${name}; take the client as an argument and import its types alone`]
}

function exportsOf(name: string): Readonly<Record<string, true>> {
  return { [name]: true, '@lameduck/core/testing': true, '@lameduck/core/preload': true }
}

function checkText({ short }: Package, file: string, text: string): string[] {
  const breaches: string[] = []
  const isEntry = basename(dirname(file)) === 'src'
  if (/(?<![.`])\bprocess\.(exit|abort|kill)\((?!\$)|\btarget\.exit\(/.test(text) && !mayEndAProcess.some((each) => file.endsWith(each)) && short !== 'rehearsal') {
    breaches.push('ends a process; only core/src/lib/process/exit.ts does, and the watchdog where that cannot run')
  }
  if (/^export default\b/m.test(text)) breaches.push('has a default export; name it')
  if (/^export \*/m.test(text)) breaches.push('re-exports everything; list the names')
  if (/^(const .*= )?await /m.test(text)) breaches.push('awaits at the top level, which breaks require()')
  if (isEntry && /^(export )?(async )?function |^(export )?class /m.test(text)) breaches.push('is a public entry: it lists exports, the code lives in src/lib')
  if (!isEntry && !file.endsWith('testing.ts') && /^export (type )?\{[^}]*\} from/m.test(text)) breaches.push('is a barrel; import from the file itself')
  return breaches
}
