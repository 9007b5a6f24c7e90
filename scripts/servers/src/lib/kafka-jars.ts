import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { findOnPath } from './find-on-path.ts'
import { withInstallLock } from './install-lock.ts'
import type { Context } from './recipe.ts'
import { installPackages, mayInstallPackages } from './system-packages.ts'
import { Unavailable } from './unavailable.ts'
import { inWorkFolder } from './work-folder.ts'

/** The versions are those of kafka/pom.xml, the checksums those of kafka/jars.sha256; the three change together. */
export const kafkaVersion = '4.4.0'

const pom = fileURLToPath(new URL('../../kafka/pom.xml', import.meta.url))
const checksums = fileURLToPath(new URL('../../kafka/jars.sha256', import.meta.url))

/**
 * The jars of Apache Kafka, fetched by Maven (which knows the user's mirror and proxy) into the cache. Every jar is
 * checked after it was fetched and again before each use; one that is missing or altered is fetched anew.
 *
 * @returns the class path
 * @throws Unavailable if they cannot be fetched
 */
export async function kafkaJars(context: Context): Promise<string> {
  const { cacheFolder, onProgress } = context
  const folder = join(cacheFolder, `kafka-${kafkaVersion}`)
  const pinned = await readChecksums()
  if ((await badJars(folder, pinned)).length > 0) {
    const mvn = await maven(context)
    await withInstallLock(cacheFolder, 'kafka', () => onProgress('Kafka: waiting for another installation'), async () => {
      const bad = await badJars(folder, pinned)
      if (bad.length > 0) await fetch(context, mvn, folder, pinned, bad)
    })
  }
  return [...pinned.keys()].map((jar) => join(folder, jar)).join(':')
}

async function maven(context: Context): Promise<string> {
  const found = await findOnPath(context.env, 'mvn')
  if (found !== undefined) return found
  if (await mayInstallPackages(context)) await installPackages(context, 'Kafka', 'maven')
  const installed = await findOnPath(context.env, 'mvn')
  if (installed === undefined) throw new Unavailable('there is no Maven (mvn) on PATH to fetch Kafka with')
  return installed
}

async function fetch({ env, cacheFolder, onProgress }: Context, mvn: string, target: string, pinned: Map<string, string>, bad: readonly string[]): Promise<void> {
  onProgress(`Kafka: fetching ${bad.length === pinned.size ? `${bad.length} jars (45 MB)` : bad.join(', ')}`)
  await inWorkFolder(cacheFolder, async ({ folder, run }) => {
    const lib = join(folder, 'lib')
    const args = ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${lib}`, ...repositoryBelow(env['HOME'])]
    await run(mvn, args, env)
    if ((await stillBad(lib)).length > 0) {
      // Maven's own repository holds the altered file: fetch into an empty one.
      onProgress('Kafka: fetching all jars again')
      await run(mvn, [...args, '-Dmdep.overWriteReleases=true', `-Dmaven.repo.local=${join(folder, 'repository')}`], env)
    }
    const altered = await stillBad(lib)
    if (altered.length > 0) throw new Unavailable(`${altered.join(', ')} as fetched does not have the checksum of kafka/jars.sha256`)
    await mkdir(target, { recursive: true })
    // One by one: a broker that runs from the good ones keeps them.
    for (const jar of bad) await rename(join(lib, jar), join(target, jar))
  })

  async function stillBad(lib: string): Promise<string[]> {
    return badJars(lib, new Map([...pinned].filter(([jar]) => bad.includes(jar))))
  }
}

/** Java takes its home from the list of users, where it may be one that cannot be written to; whoever set another has a reason. */
function repositoryBelow(home: string | undefined): string[] {
  return home === undefined || home === '' || home === homeOfUser() ? [] : [`-Dmaven.repo.local=${join(home, '.m2', 'repository')}`]
}

function homeOfUser(): string | undefined {
  try {
    return userInfo().homedir
  } catch {
    // A user without an entry in the list.
    return undefined
  }
}

async function readChecksums(): Promise<Map<string, string>> {
  const lines = (await readFile(checksums, 'utf8')).trim().split('\n').map((line) => line.split(/\s+/))
  return new Map(lines.map(([sum = '', jar = '']) => [jar, sum]))
}

async function badJars(folder: string, pinned: Map<string, string>): Promise<string[]> {
  const bad: string[] = []
  for (const [jar, sum] of pinned) {
    const hash = createHash('sha256')
    const found = await pipeline(createReadStream(join(folder, jar), { highWaterMark: 1 << 20 }), hash).then(
      () => hash.digest('hex'),
      () => 'unreadable',
    )
    if (found !== sum) bad.push(jar)
  }
  return bad
}
