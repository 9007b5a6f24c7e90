import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { originOf } from './origin.ts'
import type { Breach, Manifest, Package, Workspace } from './workspace.ts'

const engines = '^20.19.0 || ^22.12.0 || >=24.0.0'

/** What npm, Node and TypeScript need to know of a package, alike in every one of them. */
export function checkMetadata({ packages, at }: Workspace): Breach[] {
  const version = packages[0]?.manifest.version
  return packages.flatMap((pkg) => {
    const { manifest, short } = pkg
    const file = at(join(pkg.folder, 'package.json'))
    const rules: [boolean, string][] = [
      [manifest.name === `@lameduck/${short}`, `name must be @lameduck/${short}; it is ${manifest.name}`],
      [manifest.version === version, `version must be that of all packages, ${version}; it is ${manifest.version}`],
      [manifest.license === 'MIT', `license must be MIT; it is ${manifest.license}`],
      [manifest.type === 'module', 'type must be "module": lameduck is ESM only'],
      [hasNoSideEffects(pkg), 'sideEffects must be false, or name the entries that are imported for their effect alone'],
      [(manifest.description ?? '').endsWith('.'), 'description must be a sentence'],
      [manifest.engines?.['node'] === engines, `engines.node must be "${engines}"`],
      [manifest.main === './dist/index.js' && manifest.types === './dist/index.d.ts', 'main and types must point at dist/index, for resolvers that know no exports'],
      [['dist', 'src'].every((folder) => manifest.files?.includes(folder)), 'files must have dist and src (source maps point there)'],
      [short !== 'core' || Object.keys(manifest.dependencies ?? {}).length === 0, 'core has no dependencies'],
      [short === 'core' || manifest.dependencies?.['@lameduck/core'] === undefined, 'core must be a peer dependency: two cores in one process are two truths'],
    ]
    return [...rules.filter(([kept]) => !kept).map(([, message]) => ({ file, message })), ...checkOrigin(pkg, file), ...checkExports(pkg, file)]
  })
}

function checkOrigin({ manifest, short }: Package, file: string): Breach[] {
  return Object.entries(originOf(short))
    .filter(([field, wanted]) => JSON.stringify(manifest[field as keyof Manifest]) !== JSON.stringify(wanted))
    .map(([field, wanted]) => ({ file, message: `${field} must be ${JSON.stringify(wanted)}; where the repository is stands in scripts/house/origin.ts` }))
}

/** A preload does its work when it is imported: a bundler must not drop it. */
function hasNoSideEffects({ manifest }: Package): boolean {
  if (manifest.exports?.['./preload'] === undefined) return manifest.sideEffects === false
  return JSON.stringify(manifest.sideEffects) === '["./dist/preload.js"]'
}

/** Every entry is one file right under `src/`, and the source condition comes first. */
function checkExports({ manifest, folder }: Package, file: string): Breach[] {
  return Object.entries(manifest.exports ?? {}).flatMap(([entry, target]): Breach[] => {
    if (entry === './package.json') return []
    const name = entry === '.' ? 'index' : entry.slice(2)
    const wanted = { '@lameduck/source': `./src/${name}.ts`, types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` }
    if (JSON.stringify(target) !== JSON.stringify(wanted)) return [{ file, message: `exports["${entry}"] must be ${JSON.stringify(wanted)}` }]
    return existsSync(join(folder, 'src', `${name}.ts`)) ? [] : [{ file, message: `exports["${entry}"] has no src/${name}.ts` }]
  })
}
