#!/usr/bin/env node
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'
import { command, run } from './step.mjs'

/** `npm run proof`: rolling updates under load, with lameduck and with what people copy. Everything behind it goes to the proof. */
await command(async () => {
  const env = await setUp()
  return (await run(process.execPath, [join(root, 'packages/http/proof/proof.mjs'), ...process.argv.slice(2)], { env, cwd: root, show: true })).code
})
