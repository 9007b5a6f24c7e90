import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Kafka, logLevel, type KafkaConfig } from 'kafkajs'
import { findOnPath } from './find-on-path.ts'
import { freePort } from './free-port.ts'
import { images } from './images.ts'
import { kafkaJars, kafkaVersion } from './kafka-jars.ts'
import { kafkaSettings, overrides, type KafkaNode } from './kafka-settings.ts'
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
  check: async (url) => {
    if ((await listBrokers(url)).length === 0) throw new Error('it has no broker yet')
    return ''
  },
  find: async (context) => {
    const found = await findKafka(context)
    return found && kafkaProgram(found, context)
  },
  install: async (context) => kafkaProgram(await installKafka(context), context),
}

export interface KafkaInstallation {
  readonly java: string
  readonly classPath: string
  readonly detail: string
  /** Where a formatted data folder is kept, which saves a second on each start. */
  readonly template?: string
}

/** The ports of the brokers that the one at `url` knows; rejects if it does not answer. */
export async function listBrokers(url: string, security: Pick<KafkaConfig, 'ssl' | 'sasl'> = {}): Promise<number[]> {
  const client = new Kafka({ brokers: url.split(','), logLevel: logLevel.NOTHING, connectionTimeout: 1_000, requestTimeout: 2_000, retry: { retries: 0 }, ...security })
  const admin = client.admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    return brokers.map(({ port }) => port)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** @throws Unavailable if it cannot be fetched */
export async function installKafka(context: Context): Promise<KafkaInstallation> {
  const java = await findJava(context)
  const { cacheFolder } = context
  const classPath = await kafkaJars(context)
  const detail = `Kafka ${kafkaVersion} (Java ${java.version}) from ${join(cacheFolder, `kafka-${kafkaVersion}`)}`
  return { java: java.file, classPath, detail, template: join(cacheFolder, `kafka-${kafkaVersion}-formatted`) }
}

/** A distribution of Kafka on PATH: its jars lie beside the folder of its scripts (Homebrew: below libexec). */
export async function findKafka(context: Context): Promise<KafkaInstallation | undefined> {
  const script = await findOnPath(context.env, 'kafka-server-start.sh', 'kafka-server-start')
  const java = await findOnPath(context.env, 'java')
  if (script === undefined || java === undefined) return undefined
  const home = dirname(dirname(await realpath(script)))
  for (const libs of [join(home, 'libs'), join(home, 'libexec', 'libs')]) {
    const jars = await readdir(libs).catch(() => [])
    const version = jars.map((jar) => /^kafka_[\d.]+-(\d[\d.]*)\.jar$/.exec(jar)?.[1]).find((each) => each !== undefined)
    if (version === undefined) continue
    const { version: javaVersion } = await findJava(context)
    return { java, classPath: join(libs, '*'), detail: `Kafka ${version} (Java ${javaVersion}) from ${home}` }
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

/** A broker of its own, or a node of a cluster. */
export function kafkaProgram({ java, classPath, detail, template }: KafkaInstallation, { env, onProgress }: Context, { node, isSecure = false }: NodeOptions = {}): Program {
  // Without its performance data the JVM leaves nothing in the system's temporary folder.
  const flags = ['-XX:-UsePerfData', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.net.preferIPv4Stack=true', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
  const id = node?.id ?? 1
  return { detail, prepare }

  async function prepare({ folder, port, args, run }: Place): Promise<Launch> {
    const data = join(folder, 'data')
    const configuration = join(folder, 'server.properties')
    const [brokerPort, ownPort] = await Promise.all([freePort(), freePort()])
    const controllerPort = node?.controllerPorts[id - 1] ?? ownPort
    const settings = kafkaSettings({ advertised: `127.0.0.1:${port}`, host: '127.0.0.1', clientPort: port, brokerPort, controllerPort, isSecure, ...(node ? { node } : {}) })
    const lines = Object.entries({ ...settings, 'log.dirs': data }).map(([key, value]) => `${key}=${value}\n`)
    await writeFile(configuration, lines.join(''))
    const base = { command: java, env, cwd: folder, stopSignal: 'SIGKILL' } as const
    if (!(await copyTemplate(template, data, id))) {
      onProgress('Kafka: formatting its data folder')
      const format = ['-Xmx128m', ...flags, '-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', 'lameduckLAMEDUCK000001', '-c', configuration]
      await run({ ...base, args: format })
      if (template !== undefined && id === 1) await keep(data, template)
    }
    return { ...base, args: ['-Xms64m', '-Xmx256m', ...flags, '-cp', classPath, 'kafka.Kafka', configuration, ...args] }
  }
}

export interface NodeOptions {
  readonly node?: KafkaNode
  readonly isSecure?: boolean
}

/** False if there is none, if it is damaged (then it is thrown away), or if it was made by another account and cannot be read. */
async function copyTemplate(template: string | undefined, data: string, id: number): Promise<boolean> {
  if (template === undefined || !existsSync(join(template, 'meta.properties'))) return false
  try {
    const properties = await readFile(join(template, 'meta.properties'), 'utf8')
    if (!/^node\.id=1$/m.test(properties)) {
      await rm(template, { recursive: true, force: true })
      return false
    }
    await cp(template, data, { recursive: true })
    if (id !== 1) {
      // A controller takes no two nodes whose folders have the same id.
      const own = properties.replace(/^node\.id=.*$/m, `node.id=${id}`).replace(/^directory\.id=.*$/m, `directory.id=${randomBytes(16).toString('base64url')}`)
      await writeFile(join(data, 'meta.properties'), own)
    }
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
