import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Program {
  /** Resolves with the first line that matches; rejects when the program ends without it. */
  printed(pattern: RegExp): Promise<string>
  terminate(): void
  readonly ended: Promise<{ readonly code: number | null; readonly lines: readonly string[]; readonly stderr: string }>
}

const running = new Set<ChildProcess>()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** Runs a program with node, on what is built; it is killed when the test runner ends first. */
export function runProgram(file: URL, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const child = spawn(process.execPath, [file.pathname, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const lines: string[] = []
  let stderr = ''
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<Awaited<Program['ended']>>((resolve) => {
    child.once('close', (code) => {
      running.delete(child)
      resolve({ code, lines, stderr })
    })
  })
  return {
    ended,
    terminate: () => void child.kill('SIGTERM'),
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (line: string): void => {
          if (pattern.test(line)) resolve(line)
        }
        lines.forEach(look)
        reader.on('line', look)
        void ended.then(() => reject(new Error(`ended without printing ${String(pattern)}: ${stderr}`)))
      }),
  }
}
