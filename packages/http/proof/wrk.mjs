import { execFile } from 'node:child_process'
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('../../../.cache/wrk', import.meta.url))

/** Resolves with the environment that lets the client script find wrk: the one on PATH, or Debian's, unpacked into `.cache` without installing it. */
export async function findWrk() {
  for (const path of (process.env.PATH ?? '').split(delimiter)) {
    if (await exists(join(path, 'wrk'))) return { WRK: join(path, 'wrk') }
  }
  if (!(await exists(join(folder, 'usr/bin/wrk')))) await unpack()
  const libraries = (await readdir(join(folder, 'usr/lib'))).filter((name) => name.includes('-linux-gnu')).map((name) => join(folder, 'usr/lib', name))
  return { WRK: join(folder, 'usr/bin/wrk'), WRK_LIBRARIES: libraries.join(delimiter) }
}

async function unpack() {
  const unfinished = `${folder}-unfinished-${process.pid}`
  try {
    await mkdir(join(unfinished, 'archives'), { recursive: true })
    await run('apt-get', ['download', '-q', 'wrk', 'libluajit-5.1-2'], { cwd: join(unfinished, 'archives') })
    for (const name of await readdir(join(unfinished, 'archives'))) await run('dpkg-deb', ['--extract', join(unfinished, 'archives', name), join(unfinished, 'root')])
    await rm(folder, { recursive: true, force: true })
    await rename(join(unfinished, 'root'), folder)
  } catch (error) {
    throw new Error(`there is no wrk on PATH, and Debian's package could not be fetched: ${error.stderr || error.message}`, { cause: error })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

const exists = (path) => access(path).then(() => true, () => false)
