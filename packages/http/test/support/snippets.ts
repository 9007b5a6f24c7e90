import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Report } from '@lameduck/core'
import { onTestFinished } from 'vitest'

export interface Service {
  readonly port: number
  /** Resolves with the next line that it prints. */
  readonly line: () => Promise<string>
  readonly signal: (name: NodeJS.Signals) => void
  /** Sends SIGTERM; resolves when it has ended. */
  stop(): Promise<{ readonly code: number | null; readonly report: Report }>
}

/** The first program under a heading of a Markdown file; without one the first of the file. */
export async function snippetOf(file: URL, heading?: string): Promise<string> {
  const text = await readFile(file, 'utf8')
  const begin = heading === undefined ? 0 : text.indexOf(`\n## ${heading}\n`)
  if (begin < 0) throw new Error(`${file.pathname} has no heading ${JSON.stringify(heading)}`)
  return /```ts\n([^]*?)```/.exec(text.slice(begin))?.[1] ?? ''
}

/** Runs a program that prints `listening on` and its port or address, as a service, beside the tests so that it finds their packages. */
export async function runService(source: string, parameters: readonly string[] = []): Promise<Service> {
  const folder = await mkdtemp(new URL('../.snippet-', import.meta.url).pathname)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(`${folder}/snippet.mjs`, source)
  const child = spawn(process.execPath, [...parameters, `${folder}/snippet.mjs`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: '0', KUBERNETES_SERVICE_HOST: undefined },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close') as Promise<[number | null]>
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => (await lines.next()).value as string
  const [, port] = /^listening on (?:\{.* port: )?(\d+)/.exec(await line()) ?? []
  return {
    port: Number(port),
    line,
    signal: (name) => void child.kill(name),
    async stop() {
      child.kill('SIGTERM')
      let text = await line()
      while (!text.startsWith('{"lameduck":"report"')) text = await line()
      return { code: (await ended)[0], report: JSON.parse(text) as Report }
    },
  }
}
