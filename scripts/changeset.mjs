#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { root, setUp } from './setup.mjs'
import { command, run, StepError } from './step.mjs'

// changesets 3 needs Node 22.11, while the rest of the repository runs on 20.19: npm run changeset -- status
await command(async () => {
  const env = await setUp()
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const node = major > 22 || (major === 22 && minor >= 11) ? process.execPath : await newerNode()
  const child = spawn(node, [join(root, 'node_modules/@changesets/cli/bin.js'), ...process.argv.slice(2)], { stdio: 'inherit', cwd: root, env })
  const [code] = await once(child, 'exit')
  return code ?? 1
})

/** Node itself from npm, where the one that runs this is too old. */
async function newerNode() {
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(root, '.cache', 'tools', 'node-24')
  const program = join(folder, 'node_modules', name, 'bin', 'node')
  if (existsSync(program)) return program
  const { code, output } = await run('npm', ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', `${name}@24`])
  if (code !== 0) throw new StepError(`changesets needs Node 22.11 or later; this is ${process.version}, and npm has no ${name}@24:\n${output}`)
  return program
}
