import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Without what the runner of all tests sets, which is no variable of a policy. */
const ownEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LAMEDUCK_')))

test('the README example prints what the README says', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const blocks = new Map([...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => [language, text as string]))
  const block = (language: string): string => blocks.get(language) ?? ''
  const folder = await mkdtemp(new URL('../.readme-', import.meta.url).pathname)
  try {
    const base = join(folder, 'node_modules/@acme/shutdown-policy')
    await mkdir(base, { recursive: true })
    await writeFile(join(base, 'package.json'), JSON.stringify({ name: '@acme/shutdown-policy', main: 'policy.json' }))
    await writeFile(join(base, 'policy.json'), block('json'))
    await writeFile(join(folder, 'snippet.mjs'), block('ts'))
    const { stdout } = await promisify(execFile)(process.execPath, ['snippet.mjs'], { cwd: folder, env: ownEnv })
    expect(stdout).toBe(block(''))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
