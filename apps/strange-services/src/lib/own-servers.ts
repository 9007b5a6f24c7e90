import { startServer, type Server, type ServerName } from '@lameduck/servers'

export interface OwnServers {
  readonly servers: ReadonlyMap<ServerName, Server>
  readonly stop: () => Promise<void>
}

/** Servers that may be frozen and killed, and that come back with everything they have acknowledged. */
export async function startOwnServers(onProgress: (text: string) => void): Promise<OwnServers> {
  const names = ['postgres', 'redis', 'kafka'] as const
  // A Redis that writes nothing down would lose what it has acknowledged, and that is not the service's loss.
  const redis = { args: ['--appendonly', 'yes', '--appendfsync', 'always'] }
  const started = await Promise.all(names.map(async (name) => startServer(name, { private: true, onProgress, ...(name === 'redis' ? redis : {}) })))
  const servers = new Map<ServerName, Server>(started.flatMap((server, index) => (server.ok ? [[names[index] ?? 'kafka', server] as const] : [])))
  const stop = async (): Promise<void> => {
    await Promise.all([...servers.values()].map(async (server) => server.stop()))
  }
  const missing = started.flatMap((server) => (server.ok ? [] : [server.message]))
  if (missing.length > 0) {
    await stop()
    throw new Error(missing.join('\n'))
  }
  return { servers, stop }
}
