import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withInstallLock } from './install-lock.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lameduck-lock-'))
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

test('one after the other, and the second is told that it waits', async () => {
  const order: string[] = []
  let begin: () => void = () => {}
  const begun = new Promise<void>((resolve) => (begin = resolve))
  let release: () => void = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  const first = withInstallLock(folder, 'x', () => order.push('first waits'), async () => {
    order.push('first begins')
    begin()
    await released
    order.push('first ends')
  })
  await begun
  const second = withInstallLock(folder, 'x', () => {
    order.push('second waits')
    release()
  }, async () => order.push('second'))
  await Promise.all([first, second])
  expect(order).toEqual(['first begins', 'second waits', 'first ends', 'second'])
  expect(await readdir(folder)).toEqual([])
})

test('a lock of a process that is gone is taken over at once', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  await writeFile(join(folder, 'x.lock'), JSON.stringify({ pid: child.pid, host: hostname() }))
  expect(await withInstallLock(folder, 'x', () => expect.unreachable(), async () => 'done')).toBe('done')
})

test('a lock of another machine is stale when it was not touched for long, and half a lock too', async () => {
  for (const content of [JSON.stringify({ pid: process.pid, host: 'another' }), '']) {
    const file = join(folder, 'x.lock')
    await writeFile(file, content)
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(file, longAgo, longAgo)
    expect(await withInstallLock(folder, 'x', () => expect.unreachable(), async () => 'done')).toBe('done')
  }
})

test('a failure releases the lock', async () => {
  await expect(withInstallLock(folder, 'x', () => {}, async () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await readdir(folder)).toEqual([])
})
