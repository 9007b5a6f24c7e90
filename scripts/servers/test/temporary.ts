import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder that every account may enter, removed after the test. */
export async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'lameduck-test-'))
  await chmod(folder, 0o755)
  onTestFinished(async () => rm(folder, { recursive: true, force: true }))
  return folder
}
