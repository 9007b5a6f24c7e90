import type { NoServer, Server, ServerName, ServerOptions } from './server.ts'
import { startServer } from './start-server.ts'

export interface StartServersOptions<Name extends ServerName> extends Omit<ServerOptions, 'args'> {
  readonly want: readonly Name[]
}

/** One property for each server that was wanted. */
export type Servers<Name extends ServerName> = Readonly<Record<Name, Server | NoServer>> & {
  /** Stops every server that was started. */
  stop(): Promise<void>
}

/** Starts several servers side by side. One that cannot be had does not keep the others from starting. */
export async function startServers<const Name extends ServerName>({ want, ...options }: StartServersOptions<Name>): Promise<Servers<Name>> {
  const settled = await Promise.allSettled(want.map(async (name) => startServer(name, options)))
  const results = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const stop = async (): Promise<void> => {
    await Promise.all(results.map(async (result) => (result.ok ? result.stop() : undefined)))
  }
  const defect = settled.find((each) => each.status === 'rejected')
  if (defect) {
    await stop()
    throw defect.reason
  }
  return { ...(Object.fromEntries(results.map((result) => [result.name, result])) as Record<Name, Server | NoServer>), stop }
}
