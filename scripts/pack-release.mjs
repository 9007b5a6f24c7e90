#!/usr/bin/env node
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { root, setUp } from './setup.mjs'
import { command, run, StepError } from './step.mjs'
import { inUnfinishedFolder } from './unfinished-folder.mjs'

/**
 * `npm run release:pack -- <folder>`: the tarballs of all packages, and `sbom.cdx.json`, what npm installs with them.
 *
 * npm's own `npm sbom` refuses a pnpm workspace (`workspace:*` is no version to it), so it looks at an empty project that has the tarballs.
 */
await command(async () => {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new StepError('usage: npm run release:pack -- <folder>')
  const target = resolve(folder)
  const env = await setUp()
  await mkdir(target, { recursive: true })
  const tarballs = []
  for (const short of await readdir(join(root, 'packages'))) {
    const { filename } = JSON.parse(await outputOf('pnpm', ['pack', '--json', '--pack-destination', target], env, join(root, 'packages', short)))
    tarballs.push(filename)
  }
  await writeFile(join(target, 'sbom.cdx.json'), await sbomOf(tarballs, env))
  process.stdout.write(`${tarballs.length} packages and sbom.cdx.json in ${target}\n`)
})

async function sbomOf(tarballs, env) {
  const { version } = JSON.parse(await readFile(join(root, 'packages/core/package.json'), 'utf8'))
  return inUnfinishedFolder(join(root, '.cache', 'sbom-'), async (folder) => {
    // npm names the whole after its folder.
    const project = join(folder, 'lameduck')
    await mkdir(project)
    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'lameduck', version, private: true }))
    // Peers are the user's own choice; npm would take them for ours.
    await outputOf('npm', ['install', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs], env, project)
    return outputOf('npm', ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'library', '--legacy-peer-deps'], env, project)
  })
}

async function outputOf(program, parameters, env, cwd) {
  const { code, output, stdout } = await run(program, parameters, { env, cwd, wanted: true })
  if (code !== 0) throw new StepError(`${program} ${parameters[0]} failed (exit code ${code}).\n${output.trim().split('\n').slice(-30).join('\n')}`)
  return stdout
}
