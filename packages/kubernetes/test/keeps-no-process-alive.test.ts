import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { mounted } from './support/api-server.ts'
import { cert, key } from './support/certificate.ts'

test('a process with nothing else to do does not wait for the answer', async () => {
  const program = fileURLToPath(new URL('fixtures/unanswered.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, key, cert, await mounted()])
  // The check would have warned after its 5 s.
  expect(stdout).toBe('asked\n')
})
