import { redis } from '@lameduck/adapter-ioredis'
import { Redis } from 'ioredis'
import { once } from 'node:events'

export const programs = ['lameduck']
export const operations = { command: 2_000, 'auto-pipelined': 4_000 }

/** A connection for commands one by one, and beside it one with auto-pipelining, which is the one that leaves. */
export async function open(program, url) {
  const plain = new Redis(url)
  const piped = new Redis(url, { enableAutoPipelining: true })
  for (const client of [plain, piped]) client.on('error', () => {})
  await Promise.all([once(plain, 'ready'), once(piped, 'ready')])
  const resource = program === 'bare' ? undefined : redis(piped)
  if (resource) redis(plain)
  return {
    resource,
    work: { command: () => plain.get('bench'), 'auto-pipelined': () => piped.get('bench') },
    close: () => piped.quit(),
    busy: () => Array.from({ length: 500 }, () => piped.incr('bench:busy')),
    stick: () => piped.get('bench'),
  }
}
