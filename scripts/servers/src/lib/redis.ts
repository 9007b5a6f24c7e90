import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findOnPath } from './find-on-path.ts'
import { images } from './images.ts'
import { runToEnd } from './run-to-end.ts'
import type { Launch, Place, Program, Recipe } from './recipe.ts'
import { whyNot } from './unavailable.ts'
import { unpackedPackages } from './unpacked-packages.ts'

export const redis: Recipe = {
  name: 'redis',
  title: 'Redis',
  variable: 'REDIS_URL',
  remedies: 'install it (on Debian: apt-get install redis-server), or set REDIS_URL to one that runs',
  image: {
    image: images.redis,
    port: 6379,
    environment: () => ({}),
    command: (args) => ['redis-server', '--save', '', ...args],
  },
  url: (host, port) => `redis://${host}:${port}`,
  check,
  isRefusal: (error) => whyNot(error).startsWith('NOAUTH'),
  find: async (context) => {
    const file = await findOnPath(context.env, 'redis-server')
    return file === undefined ? undefined : program(file, file, context.env)
  },
  install: async (context) => {
    const wanted = { title: 'Redis', name: 'redis', packages: ['redis-server', 'redis-tools'], program: 'usr/bin/redis-server' }
    const { file, env } = await unpackedPackages(wanted, context)
    return program(file, `the distribution's packages, unpacked in ${context.cacheFolder}`, env)
  },
}

async function check(url: string): Promise<string> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, connectTimeout: 2_000, commandTimeout: 2_000 })
  // What went wrong is told by an event; the promise says only that the connection is closed.
  let cause: unknown
  client.on('error', (error) => {
    cause ??= error
  })
  try {
    await client.connect()
    return /redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? ''
  } catch (error) {
    throw cause ?? error
  } finally {
    client.disconnect()
  }
}

async function program(file: string, from: string, env: NodeJS.ProcessEnv): Promise<Program> {
  const version = /v=(\S+)/.exec(await runToEnd(file, ['--version'], { env }))?.[1] ?? ''
  return { detail: `Redis ${version} from ${from}`, prepare: async (place) => prepare(file, place, env) }
}

/** The configuration is a file and not arguments, because cluster and sentinel nodes rewrite it. */
async function prepare(file: string, { folder, port, args }: Place, env: NodeJS.ProcessEnv): Promise<Launch> {
  const configuration = join(folder, 'redis.conf')
  await writeFile(configuration, [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, 'daemonize no', 'save ""', ''].join('\n'))
  return { command: file, args: [configuration, ...args], env, cwd: folder, stopSignal: 'SIGKILL' }
}
