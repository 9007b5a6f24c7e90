import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { requireRoom } from './work-folder.ts'

test('a folder without enough room is told before anything is fetched', async () => {
  await requireRoom(tmpdir(), 1)
  await expect(requireRoom(tmpdir(), 2 ** 62)).rejects.toThrow(/^\/.+ has \d+ MB free, 4611686018427 MB are needed to fetch it; make room there$/)
})
