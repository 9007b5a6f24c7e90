import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import type { Broker } from './broker.ts'

/** A snippet of the documentation as a process. */
export interface Snippet {
  readonly child: ChildProcess
  /** What it has written. */
  readonly lines: readonly string[]
  /** Resolves when it has written a line that begins so. */
  readonly says: (start: string) => Promise<void>
  /** Resolves with its exit code and its report, when it has ended. */
  readonly ended: Promise<{ code: number; report: { result: string; steps: readonly { name: string; outcome: string }[] } }>
}

/** The TypeScript snippets of a file, whose path is relative to the package. */
export async function readSnippets(path: string): Promise<string[]> {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
  return [...text.matchAll(/```ts\n([^]*?)```/g)].map((match) => match[1] ?? '')
}

/** Resolves when it is ready. */
export async function startSnippet({ brokers }: Broker, source: string): Promise<Snippet> {
  const folder = await mkdtemp(new URL('../.snippet-', import.meta.url).pathname)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = `${folder}/snippet.mjs`
  await writeFile(file, source)
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KAFKA_BROKERS: brokers.join(','), KUBERNETES_SERVICE_HOST: undefined, NODE_ENV: 'production', KAFKAJS_NO_PARTITIONER_WARNING: '1' },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const output = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const says = async (start: string): Promise<void> => {
    while (!lines.some((line) => line.startsWith(start))) await once(output, 'line')
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, report: JSON.parse(lines.findLast((line) => line.startsWith('{')) ?? '{}') as Awaited<Snippet['ended']>['report'] }))
  await says('ready')
  return { child, lines, says, ended }
}
