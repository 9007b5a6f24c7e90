import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { StartServersOptions, ServerName } from '@lameduck/servers'

interface Line {
  readonly progress?: string
  readonly exit?: string
  readonly pids?: readonly (number | null)[]
  readonly messages?: readonly (string | null)[]
}

interface Owner {
  readonly child: ChildProcess
  /** Resolves with the first line that `wanted` accepts. */
  line(wanted: (line: Line) => boolean): Promise<Line>
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** A process of its own that starts servers, and either keeps them or comes to its end without stopping them. */
export function startOwner(options: StartServersOptions<ServerName> & { afterwards: 'hold' | 'end' }, temporary: string): Owner {
  const file = fileURLToPath(new URL('fixtures/owner.mjs', import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(options)], { env: { ...process.env, TMPDIR: temporary }, stdio: ['ignore', 'pipe', 'inherit'] })
  const seen: Line[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (text) => {
    seen.push(JSON.parse(text) as Line)
    for (const check of waiting) check()
  })
  const exited = once(child, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }))
  const line: Owner['line'] = async (wanted) =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = seen.find(wanted)
        if (!found) return
        waiting.delete(check)
        resolve(found)
      }
      waiting.add(check)
      check()
      void exited.then(() => reject(new Error(`the owner ended; it had said ${JSON.stringify(seen)}`)))
    })
  return { child, line, exited }
}
