import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeTerminationMessage } from './write-termination-message.ts'

let folder: string
beforeEach(() => (folder = fs.mkdtempSync(join(tmpdir(), 'lameduck-message-'))))
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

test.each(['', '{}', JSON.stringify({ old: 'ü'.repeat(3_000) })])('replaces what was there, in the same file', (old) => {
  const path = join(folder, 'termination-log')
  fs.writeFileSync(path, old)
  const { ino } = fs.statSync(path)
  expect(writeTerminationMessage(fs, path, '{"new":"ü"}')).toBe(true)
  expect(fs.readFileSync(path, 'utf8')).toBe('{"new":"ü"}')
  expect(fs.statSync(path).ino).toBe(ino)
})

test('the file is valid JSON after each single call', () => {
  const path = join(folder, 'termination-log')
  fs.writeFileSync(path, JSON.stringify({ old: 'x'.repeat(500) }))
  const seen: unknown[] = []
  const look = (): void => void seen.push(JSON.parse(fs.readFileSync(path, 'utf8')))
  const watched = {
    ...fs,
    openSync: (...parameters: Parameters<typeof fs.openSync>) => {
      const file = fs.openSync(...parameters)
      look()
      return file
    },
    writeSync: ((file: number, buffer: Uint8Array, offset: number, length: number, position: number) => {
      const written = fs.writeSync(file, buffer, offset, length, position)
      look()
      return written
    }) as typeof fs.writeSync,
    ftruncateSync: (file: number, length?: number) => {
      fs.ftruncateSync(file, length)
      look()
    },
  }
  expect(writeTerminationMessage(watched, path, '{"new":1}')).toBe(true)
  expect(seen).toEqual([{ old: 'x'.repeat(500) }, { new: 1 }, { new: 1 }])
})

test('creates no file, and is silent about what cannot be written', () => {
  const missing = join(folder, 'missing')
  expect(writeTerminationMessage(fs, missing, '{}')).toBe(false)
  expect(fs.existsSync(missing)).toBe(false)
  expect(writeTerminationMessage(fs, folder, '{}')).toBe(false)
})
