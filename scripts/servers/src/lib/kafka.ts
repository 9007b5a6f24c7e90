import { existsSync } from 'node:fs'
import { cp, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { findOnPath } from './find-on-path.ts'
import { freePort } from './free-port.ts'
import { images } from './images.ts'
import { kafkaJars, kafkaVersion } from './kafka-jars.ts'
import { kafkaSettings, overrides } from './kafka-settings.ts'
import type { Context, Launch, Place, Program, Recipe } from './recipe.ts'
import { runToEnd } from './run-to-end.ts'
import { installPackages, mayInstallPackages } from './system-packages.ts'
import { Unavailable } from './unavailable.ts'

export const kafka: Recipe = {
  name: 'kafka',
  title: 'Kafka',
  variable: 'KAFKA_BROKERS',
  remedies: 'install Java and Maven (on Debian: apt-get install default-jre-headless maven), or set KAFKA_BROKERS to one that runs',
  image: {
    image: images.kafka,
    port: 9092,
    environment: (host, port, args) => {
      const settings = kafkaSettings({ advertised: `${host}:${port}`, host: '', clientPort: 9092, brokerPort: 9094, controllerPort: 9093 })
      const all = Object.entries({ ...settings, ...overrides(args) })
      return Object.fromEntries(all.map(([key, value]) => [`KAFKA_${key.toUpperCase().replaceAll('.', '_')}`, value]))
    },
    command: () => [],
  },
  url: (host, port) => `${host}:${port}`,
  check,
  find,
  install: async (context) => {
    const java = await findJava(context)
    const { cacheFolder } = context
    const classPath = await kafkaJars(context)
    const detail = `Kafka ${kafkaVersion} (Java ${java.version}) from ${join(cacheFolder, `kafka-${kafkaVersion}`)}`
    return program({ java: java.file, classPath, detail, template: join(cacheFolder, `kafka-${kafkaVersion}-formatted`) }, context)
  },
}

interface Installation {
  readonly java: string
  readonly classPath: string
  readonly detail: string
  /** Where a formatted data folder is kept, which saves a second on each start. */
  readonly template?: string
}

async function check(url: string): Promise<string> {
  const client = new Kafka({ brokers: url.split(','), logLevel: logLevel.NOTHING, connectionTimeout: 1_000, requestTimeout: 2_000, retry: { retries: 0 } })
  const admin = client.admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    if (brokers.length === 0) throw new Error('it has no broker yet')
    return ''
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** A distribution of Kafka on PATH: its jars lie beside the folder of its scripts (Homebrew: below libexec). */
async function find(context: Context): Promise<Program | undefined> {
  const script = await findOnPath(context.env, 'kafka-server-start.sh', 'kafka-server-start')
  const java = await findOnPath(context.env, 'java')
  if (script === undefined || java === undefined) return undefined
  const home = dirname(dirname(await realpath(script)))
  for (const libs of [join(home, 'libs'), join(home, 'libexec', 'libs')]) {
    const jars = await readdir(libs).catch(() => [])
    const version = jars.map((jar) => /^kafka_[\d.]+-(\d[\d.]*)\.jar$/.exec(jar)?.[1]).find((each) => each !== undefined)
    if (version === undefined) continue
    const { version: javaVersion } = await findJava(context)
    return program({ java, classPath: join(libs, '*'), detail: `Kafka ${version} (Java ${javaVersion}) from ${home}` }, context)
  }
  return undefined
}

async function findJava(context: Context): Promise<{ file: string; version: string }> {
  if (!(await findOnPath(context.env, 'java')) && (await mayInstallPackages(context))) await installPackages(context, 'Kafka', 'default-jre-headless')
  const file = await findOnPath(context.env, 'java')
  if (file === undefined) throw new Unavailable('there is no Java on PATH')
  const version = /version "([^"]+)"/.exec(await runToEnd(file, ['-version'], { env: context.env }))?.[1] ?? 'unknown'
  if (Number.parseInt(version) < 17) throw new Unavailable(`Kafka needs Java 17; ${file} is ${version}`)
  return { file, version }
}

function program({ java, classPath, detail, template }: Installation, { env, onProgress }: Context): Program {
  // Without its performance data the JVM leaves nothing in the system's temporary folder.
  const flags = ['-XX:-UsePerfData', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.net.preferIPv4Stack=true', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
  return { detail, prepare }

  async function prepare({ folder, port, args, run }: Place): Promise<Launch> {
    const data = join(folder, 'data')
    const configuration = join(folder, 'server.properties')
    const [brokerPort, controllerPort] = await Promise.all([freePort(), freePort()])
    const settings = kafkaSettings({ advertised: `127.0.0.1:${port}`, host: '127.0.0.1', clientPort: port, brokerPort, controllerPort })
    const lines = Object.entries({ ...settings, 'log.dirs': data }).map(([key, value]) => `${key}=${value}\n`)
    await writeFile(configuration, lines.join(''))
    const base = { command: java, env, cwd: folder, stopSignal: 'SIGKILL' } as const
    if (!(await copyTemplate(template, data))) {
      onProgress('Kafka: formatting its data folder')
      const format = ['-Xmx128m', ...flags, '-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', 'lameduckLAMEDUCK000001', '-c', configuration]
      await run({ ...base, args: format })
      if (template !== undefined) await keep(data, template)
    }
    return { ...base, args: ['-Xms64m', '-Xmx256m', ...flags, '-cp', classPath, 'kafka.Kafka', configuration, ...args] }
  }
}

/** False if there is none, if it is damaged (then it is thrown away), or if it was made by another account and cannot be read. */
async function copyTemplate(template: string | undefined, data: string): Promise<boolean> {
  if (template === undefined || !existsSync(join(template, 'meta.properties'))) return false
  try {
    const properties = await readFile(join(template, 'meta.properties'), 'utf8')
    if (!/^node\.id=1$/m.test(properties)) {
      await rm(template, { recursive: true, force: true })
      return false
    }
    await cp(template, data, { recursive: true })
    return true
  } catch {
    await rm(data, { recursive: true, force: true })
    return false
  }
}

/** Best effort: without it the next start formats again. */
async function keep(data: string, template: string): Promise<void> {
  const unfinished = `${template}.${process.pid}`
  await cp(data, unfinished, { recursive: true })
    .then(async () => rename(unfinished, template))
    .catch(async () => rm(unfinished, { recursive: true, force: true }))
}
