import { build } from 'rolldown'
import { endAnyhow } from './build/lib/witness/end-anyhow.js'
import { watchdogThread } from './build/lib/witness/watchdog-thread.js'
import { writeTerminationMessage } from './build/lib/witness/write-termination-message.js'

// One file, and one for each entry that lists what of it is public: fifty small modules cost every process that imports them 15 ms and more (decisions/011).
await build({
  input: { index: 'src/index.ts', preload: 'src/preload.ts', testing: 'src/testing.ts' },
  platform: 'node',
  logLevel: 'warn',
  plugins: [{ name: 'programs-as-text', transform: programsAsText }],
  output: { dir: 'dist', format: 'esm', sourcemap: true, chunkFileNames: '[name].js', codeSplitting: { groups: [{ name: 'core', test: /src.lib/ }] } },
})

/**
 * The watchdog's threads run functions from their text. Here it becomes a constant, which no bundler of a service can break: one that
 * minifies and keeps names puts calls of a helper into a function that the thread does not have.
 */
function programsAsText(code, id) {
  if (!id.endsWith('witness/watchdog.ts')) return null
  let text = code
  for (const program of [endAnyhow, watchdogThread, writeTerminationMessage]) {
    const call = `${program.name}.toString()`
    if (!text.includes(call)) throw new Error(`${id} has no ${call} any more: mend bundle.mjs`)
    text = text.replaceAll(call, () => JSON.stringify(program.toString()))
  }
  return { code: text, map: null }
}
