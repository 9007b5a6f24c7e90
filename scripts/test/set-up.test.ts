import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const source = (name: string): string => new URL(`../${name}.mjs`, import.meta.url).href

// Plain programs, since they run before anything is built.
const { homeInstead } = (await import(source('writable-home'))) as {
  readonly homeInstead: (env: NodeJS.ProcessEnv, instead: string) => Promise<{ why: string; changes: Record<string, string> } | undefined>
}
const { whyFailed } = (await import(source('why-failed'))) as { readonly whyFailed: (label: string, code: number, output: string, remedy?: string) => string }
const { oneAtATime } = (await import(source('one-at-a-time'))) as {
  readonly oneAtATime: <T>(file: string, work: () => Promise<T>, onWait: (pid: number) => void) => Promise<T>
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lameduck-set-up-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A program of these lines, which has said its first line. */
async function start(lines: string): Promise<{ interrupt: () => void; exited: Promise<unknown[]>; said: string[] }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', lines], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  return { interrupt: () => void child.kill('SIGINT'), exited, said }
}

const working = (prefix: string): string => `
  import { command } from ${JSON.stringify(source('step'))}
  import { inUnfinishedFolder } from ${JSON.stringify(source('unfinished-folder'))}
  await command(() => inUnfinishedFolder(${JSON.stringify(prefix)}, async () => {
    console.log('working')
    await new Promise((resolve) => setTimeout(resolve, 60_000))
  }))`

test('Ctrl-C takes along the folder of what is unfinished', async () => {
  const folder = await newFolder()
  const { interrupt, exited } = await start(working(join(folder, 'pnpm-')))
  expect(await readdir(folder)).toHaveLength(1)
  interrupt()
  expect(await exited).toEqual([130, null])
  expect(await readdir(folder)).toEqual([])
})

function gate<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  return { promise: new Promise<T>((settle) => (resolve = settle)), resolve }
}

test('a second process waits until the first has set the clone up, and says for whom', async () => {
  const file = join(await newFolder(), 'setting-up')
  const order: string[] = []
  const first = gate<void>()
  const one = oneAtATime(file, async () => first.promise.then(() => order.push('first')), () => {})
  const waited = gate<number>()
  const two = oneAtATime(file, async () => order.push('second'), waited.resolve)
  expect(await waited.promise).toBe(process.pid)
  first.resolve()
  await Promise.all([one, two])
  expect(order).toEqual(['first', 'second'])
})

test.each([
  ['a process that is gone', async () => String((await ended()).pid)],
  ['a full disk', async () => ''],
])('what %s has left does not hold anybody up', async (_what, content) => {
  const file = join(await newFolder(), 'setting-up')
  await writeFile(file, await content())
  expect(await oneAtATime(file, async () => 'done', () => expect.unreachable('it waited'))).toBe('done')
})

async function ended(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--eval', ''])
  await once(child, 'exit')
  return child
}

test('a home that will do is left alone', async () => expect(await homeInstead({ HOME: await newFolder() }, '/elsewhere')).toBeUndefined())

test.each([
  ['no home', { HOME: '' }, 'there is no home folder'],
  ['one that is not there', { HOME: '/nowhere/at all' }, '/nowhere/at all cannot be written to (ENOENT)'],
])('%s is replaced', async (_what, env, why) => {
  const home = await homeInstead(env, '/elsewhere')
  expect(home?.why).toBe(why)
  expect(home?.changes).toMatchObject({ HOME: '/elsewhere', npm_config_cache: '/elsewhere/.npm' })
  expect(home?.changes).not.toHaveProperty('npm_config_userconfig')
})

test('the own settings of npm are still read where the home is replaced', async () => {
  const home = await newFolder()
  await writeFile(join(home, '.npmrc'), '')
  // Where npm's folder is a file, it cannot be written to by root either.
  await writeFile(join(home, '.local'), '')
  expect((await homeInstead({ HOME: home }, '/elsewhere'))?.changes['npm_config_userconfig']).toBe(join(home, '.npmrc'))
})

test.each([
  ["npm error code EACCES\nnpm error mkdir '/root/.npm/_cacache'\nnpm error   sudo chown -R 1:1", 'installing failed: /root/.npm/_cacache cannot be written to (EACCES). Make it writable, or clone into a folder of your own.'],
  ['npm error code ENOSPC', 'installing failed: the disk is full (ENOSPC). Make room where this clone, the home folder and the folder for temporary files are.'],
  ['npm error code EAI_AGAIN', "installing failed: the package registry cannot be reached (EAI_AGAIN). Check the network, and npm's proxy and registry settings."],
])('a failure of the machine is one line: %#', (output, line) => expect(whyFailed('installing', 1, output)).toBe(line))

test('any other failure has what was written last', () => expect(whyFailed('building', 2, 'one\nerror TS1005')).toBe('building failed (exit code 2).\none\nerror TS1005'))

test('what every command loads first has only names that Node 16 knows, or that could not say that it is too old', async () => {
  const files = ['start', 'setup', 'step', 'servers-for', 'one-at-a-time', 'unfinished-folder', 'why-failed', 'writable-home']
  const newer = /\b(statfs|glob|cp|styleText|getSystemErrorMap|availableParallelism|parseEnv)\b|\.(toReversed|toSorted|toSpliced|with|findLast|findLastIndex)\(/
  for (const file of files) {
    const text = await readFile(new URL(source(file)), 'utf8')
    const imported = text.split('\n').filter((line) => line.startsWith('import ')).join('\n')
    expect(newer.exec(`${imported}\n${file === 'step' ? text : ''}`)?.[0], file).toBeUndefined()
  }
})
