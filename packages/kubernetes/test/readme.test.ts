import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { roleManifest } from '../src/lib/role-manifest.ts'

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')

test('the README example runs unchanged outside Kubernetes', async () => {
  const folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(`${folder}/snippet.mjs`, /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '')
  const child = spawn(process.execPath, [`${folder}/snippet.mjs`], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } })
  const exited = once(child, 'close') as Promise<[number | null]>
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (line === 'ready') child.kill('SIGTERM')
  }
  expect(lines[1]).toBe('the last job is done')
  expect(lines[2]).toContain('"budgetSource":"policy.graceMs"')
  expect(lines[2]).not.toContain('"cause"')
  expect(errors).toBe('')
  expect((await exited)[0]).toBe(0)
})

test('the README has the role that the warning has', () => {
  expect(readme).toContain(`\`\`\`yaml\n${roleManifest({ namespace: 'shop', name: 'orders' })}\`\`\``)
})
