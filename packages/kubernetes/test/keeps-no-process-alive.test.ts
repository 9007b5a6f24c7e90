import { execFile, execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
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

test('a token that is a FIFO does not hold the exit', async () => {
  const program = fileURLToPath(new URL('fixtures/fifo.mjs', import.meta.url))
  const folder = await mounted()
  await rm(join(folder, 'token'))
  execFileSync('mkfifo', [join(folder, 'token')])
  const { stdout } = await promisify(execFile)(process.execPath, [program, folder], { timeout: 15_000, killSignal: 'SIGKILL' })
  expect(stdout).toContain('token is not a file')
})
