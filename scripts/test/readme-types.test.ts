import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What a snippet takes from the service around it. */
const service = { lifecycle: "import('@lameduck/core').Lifecycle", onError: '(error: Error) => void' }
const fiveLines = {
  app: "import('express').Express",
  pool: "import('pg').Pool",
  client: "import('ioredis').Redis",
  consumer: "import('kafkajs').Consumer",
  eachMessage: "import('kafkajs').EachMessageHandler",
}

/** Beside the tests of each package, so that they find what it depends on; the root's, which uses several, beside those of the example. */
async function writeSnippets(readme: string, beside: string): Promise<string> {
  const folder = await mkdtemp(join(root, beside, '.readme-types-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const text = await readFile(join(root, readme), 'utf8')
  for (const [index, [, snippet = '']] of [...text.matchAll(/^```ts\n([^]*?)^```/gm)].entries()) {
    const missing = Object.entries(readme === 'README.md' ? fiveLines : service).filter(([name]) => !snippet.includes(`const ${name} = `))
    const declared = missing.map(([name, type]) => `declare const ${name}: ${type}\n`).join('')
    const imported = snippet.includes('import ') ? '' : "import { probeServer } from '@lameduck/probes'\n"
    await writeFile(join(folder, `snippet-${index + 1}.ts`), `${declared}${imported}${snippet}`)
  }
  return folder
}

// Catches: a snippet that runs, and that nobody can paste into a project of theirs.
test('every snippet of a README compiles under strict', { timeout: 120_000 }, async () => {
  // That of conformance is a file of its tests, which are compiled as they are.
  const packages = (await readdir(join(root, 'packages'))).filter((name) => name !== 'conformance')
  const folders = await Promise.all([['README.md', 'apps/example/test'] as const, ...packages.map((name) => [`packages/${name}/README.md`, `packages/${name}/test`] as const)].map(([readme, beside]) => writeSnippets(readme, beside)))
  const project = `${folders[0]}/tsconfig.json`
  const compilerOptions = { target: 'es2023', lib: ['es2023'], module: 'nodenext', types: ['node'], strict: true, noEmit: true, skipLibCheck: true, customConditions: ['@lameduck/source'], allowImportingTsExtensions: true }
  await writeFile(project, JSON.stringify({ compilerOptions, include: folders.map((folder) => `${relative(folders[0] as string, folder) || '.'}/*.ts`) }))
  const output = await new Promise<string>((resolve) => void execFile(join(root, 'node_modules/.bin/tsc'), ['--project', project, '--pretty', 'false'], { cwd: root }, (error, stdout, stderr) => resolve(error ? `${stdout}${stderr}${stdout === '' ? error.message : ''}` : stdout)))
  expect(output).toBe('')
})
