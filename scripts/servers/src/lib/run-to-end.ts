import { spawn } from 'node:child_process'
import { Unavailable, failureOf } from './unavailable.ts'

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv
}

/**
 * Runs a program and resolves with what it wrote. Ctrl-C in a terminal does not reach it: it is short, or (apt-get) it
 * is better finished than broken off.
 *
 * @throws Unavailable if it cannot be run or its exit code is not 0; the message has its most telling line
 */
export async function runToEnd(command: string, args: readonly string[], { env }: RunOptions): Promise<string> {
  const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      output = (output + chunk).slice(-20_000)
    })
  }
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Unavailable(`${command} cannot be run (${error.message})`)))
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new Unavailable(`${command} failed (${signal ?? `exit code ${code}`}): ${failureOf(output)}`))
    })
  })
}
