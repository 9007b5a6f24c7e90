import { fileURLToPath } from 'node:url'
import type { Variant } from './arguments.ts'

/** Program and arguments that run one variant as a process of its own; the rest of its configuration is its environment. */
export function startCommand({ framework, helper }: Variant): readonly string[] {
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  return [process.execPath, '--enable-source-maps', main, '--framework', framework, '--helper', helper]
}

/** Absolute path of the rehearsal's client script. */
export function loadScript(): string {
  return fileURLToPath(new URL('../load.js', import.meta.url))
}
