import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const program = fileURLToPath(new URL('../programs/fuzz.mjs', import.meta.url))

/** In a process of its own: what is uncaught there must not be the runner's. */
export async function fuzz(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  const running = promisify(execFile)(process.execPath, [program, ...args], { env: { PATH: process.env['PATH'] } })
  return running.then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({ code: error.code, output: error.stdout + error.stderr }),
  )
}
