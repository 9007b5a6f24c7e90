import { startProcess } from '../../core/bench/process.mjs'

/** Starts a program of the folder `programs`. */
export function start(program) {
  return startProcess(new URL(`programs/${program}.mjs`, import.meta.url))
}
