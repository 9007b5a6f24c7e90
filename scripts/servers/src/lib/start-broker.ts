import { mosquitto, nats, type Broker } from './brokers.ts'
import { findOnPath } from './find-on-path.ts'
import { startLocalServer } from './local-server.ts'
import { rabbitmq } from './rabbitmq.ts'
import type { Context } from './recipe.ts'
import type { BrokerName, NoServer, Server, ServerOptions } from './server.ts'
import { defaultCacheFolder } from './start-server.ts'
import { Unavailable } from './unavailable.ts'
import { unpackedPackages, type Unpacked } from './unpacked-packages.ts'

const brokers: Record<BrokerName, Broker> = { nats, mosquitto, rabbitmq }

/**
 * Starts a message broker of one's own: the program of this machine, else the distribution's package, unpacked in the cache. It
 * ends with this process, as a server does.
 */
export async function startBroker(name: BrokerName, options: Pick<ServerOptions, 'env' | 'onProgress' | 'onExit' | 'cacheFolder'> = {}): Promise<Server | NoServer> {
  const { env = process.env, cacheFolder = defaultCacheFolder, onProgress = () => {}, onExit = () => {} } = options
  const broker = brokers[name]
  try {
    const { found, isUnpacked } = await find(broker, { env, cacheFolder, onProgress })
    const from = isUnpacked ? `the distribution's packages, unpacked in ${cacheFolder}` : found.file
    const program = { detail: `${broker.title} from ${from}`, prepare: broker.prepare(found, isUnpacked) }
    return await startLocalServer(broker, program, isUnpacked ? 'installed' : 'PATH', { args: [], onProgress, onExit })
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return { ok: false, name, message: `No ${broker.title}: ${error.message}. To have one, install it (on Debian: apt-get install ${broker.packages[0]}).` }
  }
}

async function find(broker: Broker, context: Context): Promise<{ found: Unpacked; isUnpacked: boolean }> {
  const { title, name, packages, program, command } = broker
  const file = await findOnPath(context.env, command)
  if (file !== undefined) return { found: { file, env: context.env }, isUnpacked: false }
  return { found: await unpackedPackages({ title, name, packages, program }, context), isUnpacked: true }
}
