#!/usr/bin/env node
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'
import { command, run, StepError } from './step.mjs'

const elsewhere = { resources: 'scripts/bench-resources/resources.mjs', watchdog: 'packages/core/bench/watchdog.mjs' }

/** `npm run bench core`: what a package costs, compared with the same thing without it. Everything behind the name goes to its benchmark. */
await command(async () => {
  const [name, ...rest] = process.argv.slice(2)
  const file = (short) => join(root, elsewhere[short] ?? `packages/${short}/bench/${short}.mjs`)
  const known = [...readdirSync(join(root, 'packages')), ...Object.keys(elsewhere)].filter((short) => existsSync(file(short)))
  if (name === undefined || !known.includes(name)) throw new StepError(`usage: npm run bench <name>; there are benchmarks of ${known.join(', ')}`)
  const env = await setUp()
  return (await run(process.execPath, [file(name), ...rest], { env, cwd: root, show: true })).code
})
