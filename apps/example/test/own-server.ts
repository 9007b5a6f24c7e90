import { startServer, type Server, type ServerName } from '@lameduck/servers'

/** A server that the test may freeze and kill. */
export async function ownServer(name: ServerName, args: readonly string[] = []): Promise<Server> {
  const server = await startServer(name, { private: true, args })
  if (!server.ok) throw new Error(server.message)
  return server
}
