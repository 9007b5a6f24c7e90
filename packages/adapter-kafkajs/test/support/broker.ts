import { startServer, type Server } from '@lameduck/servers'

export interface Broker extends Server {
  readonly brokers: readonly string[]
}

/** A broker of one's own, that may be frozen and killed, with settings beside those of the servers module. */
export async function startBroker(...settings: string[]): Promise<Broker> {
  const server = await startServer('kafka', { private: true, args: settings.flatMap((setting) => ['--override', setting]) })
  if (!server.ok) throw new Error(server.message)
  return Object.assign(server, { brokers: server.url.split(',') })
}
