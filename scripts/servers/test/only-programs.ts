import { mkdir, symlink } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { existsSync } from 'node:fs'
import { temporary } from './temporary.ts'

/** The environment of a machine that has these programs and no others. */
export async function onlyPrograms(...names: readonly string[]): Promise<NodeJS.ProcessEnv> {
  const bin = join(await temporary(), 'bin')
  await mkdir(bin)
  for (const name of names) {
    const file = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)).find((each) => existsSync(each))
    if (file === undefined) throw new Error(`this test needs ${name} on PATH`)
    await symlink(file, join(bin, name))
  }
  return { PATH: bin }
}
