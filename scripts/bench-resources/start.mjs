import { startProcess } from '../../packages/core/bench/process.mjs'

/** Starts a client in a process of its own. */
export function start(name, program, url, options = {}) {
  return startProcess(new URL('program.mjs', import.meta.url), [name, program, url, JSON.stringify(options)])
}
