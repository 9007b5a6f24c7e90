import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localhost } from './certificate.ts'
import { freePort } from './free-port.ts'
import { findKafka, installKafka, kafkaProgram, listBrokers, type KafkaInstallation } from './kafka.ts'
import { kafkaUser } from './kafka-settings.ts'
import { startLocalServer } from './local-server.ts'
import type { Answering, Context, Launch, Place } from './recipe.ts'
import type { NoServer, Origin, Server, ServerOptions } from './server.ts'
import { defaultCacheFolder } from './start-server.ts'
import { PortTaken, Unavailable } from './unavailable.ts'
import { waitUntilReady } from './wait-until-ready.ts'

export interface KafkaClusterOptions extends Pick<ServerOptions, 'env' | 'onProgress' | 'onExit' | 'cacheFolder'> {
  /** @default 3 */
  readonly size?: number
  /** Clients need TLS and SASL PLAIN: `security` of the result is their part of the configuration. @default false */
  readonly isSecure?: boolean
  /** Of every broker, such as `{ 'min.insync.replicas': '2' }`. @default all topics of the broker's own have a replica on every node, and a partition for each */
  readonly settings?: Readonly<Record<string, string>>
}

/** What a client of kafkajs adds to its configuration. */
export interface KafkaSecurity {
  readonly ssl?: { readonly ca: string }
  readonly sasl?: { readonly mechanism: 'plain'; readonly username: string; readonly password: string }
}

export interface KafkaCluster {
  readonly ok: true
  /** `host:port` of each. */
  readonly url: string
  /** Each is broker and controller, and can be frozen and killed by itself; the first has the id 1. */
  readonly nodes: readonly Server[]
  readonly security: KafkaSecurity
  /** The node whose controller is the active one, as far as the nodes have noted: kafkajs' `describeCluster` names any broker as the controller. */
  controller(): Promise<Server>
  stop(): Promise<void>
}

const agreeLimitMs = 60_000

/**
 * Starts a Kafka cluster of one's own on this machine: never a container. It ends with this process, as a server does.
 * Resolves when every node knows all of them.
 */
export async function startKafkaCluster(options: KafkaClusterOptions = {}): Promise<KafkaCluster | NoServer> {
  const { env = process.env, cacheFolder = defaultCacheFolder, onProgress = () => {}, onExit = () => {} } = options
  const context = { env, cacheFolder, onProgress }
  try {
    const found = await findKafka(context)
    const installation = found ?? (await installKafka(context))
    return await startOnFreePorts(installation, found ? 'PATH' : 'installed', context, { ...options, onExit })
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return { ok: false, name: 'kafka', message: `No cluster of Kafka: ${error.message}. To have one, install Java and Maven (on Debian: apt-get install default-jre-headless maven); Docker does not help here.` }
  }
}

/** The ports of the controllers must be known before any of them starts, so somebody else may take one meanwhile. */
async function startOnFreePorts(...given: Parameters<typeof startAll>): Promise<KafkaCluster> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startAll(...given)
    } catch (error) {
      if (attempt === 3 || !(error instanceof PortTaken)) throw error
    }
  }
}

async function startAll(
  installation: KafkaInstallation,
  source: Origin,
  context: Context,
  { size = 3, isSecure = false, settings = {}, onExit = () => {} }: KafkaClusterOptions,
): Promise<KafkaCluster> {
  const controllerPorts = await Promise.all(Array.from({ length: size }, freePort))
  const security: KafkaSecurity = isSecure ? { ssl: { ca: localhost.cert }, sasl: { mechanism: 'plain', ...kafkaUser } } : {}
  const own = { 'offsets.topic.num.partitions': size, 'offsets.topic.replication.factor': size, 'transaction.state.log.num.partitions': size, 'transaction.state.log.replication.factor': size }
  const args = Object.entries({ ...own, ...settings }).flatMap(([name, value]) => ['--override', `${name}=${value}`])
  const answering: Answering = {
    name: 'kafka',
    title: 'Kafka',
    url: (host, port) => `${host}:${port}`,
    // Others of the cluster may be frozen or dead when one is started again.
    async check(url) {
      if (!(await listBrokers(url, security)).includes(portOf(url))) throw new Error('the controller has not let it in yet')
      return ''
    },
  }
  const folders: string[] = []
  const options = { args, onProgress: context.onProgress, onExit }
  const starting = controllerPorts.map(async (_, index) => {
    const program = kafkaProgram(installation, context, { node: { id: index + 1, controllerPorts }, isSecure })
    const prepare = async (place: Place): Promise<Launch> => {
      folders[index] = place.folder
      return program.prepare(place)
    }
    return startLocalServer(answering, { ...program, prepare }, source, options)
  })
  const settled = await Promise.allSettled(starting)
  const nodes = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map(async (node) => node.stop())))
  try {
    for (const each of settled) if (each.status === 'rejected') throw each.reason
    await Promise.all(nodes.map(async ({ url }) => waitUntilReady(async () => expectAll(url), agreeLimitMs)))
  } catch (error) {
    await stop()
    throw error
  }
  return { ok: true, url: nodes.map(({ url }) => url).join(','), nodes, security, controller, stop }

  async function controller(): Promise<Server> {
    const votes = await Promise.all(folders.map(readVote))
    const { leaderId } = votes.reduce((newest, vote) => (vote.leaderEpoch > newest.leaderEpoch || newest.leaderId < 1 ? vote : newest))
    const found = nodes[leaderId - 1]
    if (!found) throw new Error('the controllers have not elected one yet')
    return found
  }

  async function expectAll(url: string): Promise<void> {
    const known = await listBrokers(url, security)
    if (known.length < size) throw new Unavailable(`the node at ${url} knows ${known.length} of ${size}`)
  }
}

/** What a node has noted of the last election of the controllers. */
async function readVote(folder: string): Promise<{ leaderId: number; leaderEpoch: number }> {
  return JSON.parse(await readFile(join(folder, 'data', '__cluster_metadata-0', 'quorum-state'), 'utf8')) as { leaderId: number; leaderEpoch: number }
}

function portOf(url: string): number {
  return Number(url.split(':')[1])
}
