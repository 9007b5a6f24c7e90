import { tcpLink, type TcpLink } from '@lameduck/conformance'
import type { Server, ServerName } from '@lameduck/servers'
import type { Urls } from './world.ts'

/** How a server is broken: it stands still, or it is dead. */
export type Damage = 'freeze' | 'kill'

/** How one service reaches its servers, and how that is broken. */
export interface Ways {
  /** For the service's environment: which port is reached by which other one. */
  readonly detours: Readonly<Record<string, string>>
  break(server: ServerName, damage: Damage): Promise<void>
  thaw(server: ServerName): Promise<void>
  /** When the service is gone: the servers answer again, so that what it has left can be read. */
  mend(): Promise<void>
  close(): Promise<void>
}

/** Links of the service's own to servers that others use as well, and that nothing happens to. */
export async function openWays(servers: readonly ServerName[], urls: Urls): Promise<Ways> {
  const links = new Map(await Promise.all(servers.map(async (server) => [server, await tcpLink({ port: portOf(urls[server]) })] as const)))
  return {
    detours: Object.fromEntries([...links].map(([server, { port }]) => [portOf(urls[server]), String(port)])),
    async break(server, damage) {
      const link = known(links, server)
      if (damage === 'freeze') link.freeze()
      else await link.kill()
    },
    async thaw(server) {
      known(links, server).thaw()
    },
    async mend() {},
    async close() {
      await Promise.all([...links.values()].map(async (link: TcpLink) => link.close()))
    },
  }
}

/** The servers themselves, by SIGSTOP and SIGKILL: nobody else may use them meanwhile. */
export function ownWays(servers: ReadonlyMap<ServerName, Server>): Ways {
  const broken = new Map<Server, Damage>()
  const thaw = async (name: ServerName): Promise<void> => {
    const server = known(servers, name)
    if (broken.get(server) !== 'freeze') return
    broken.delete(server)
    await server.thaw()
  }
  return {
    detours: {},
    async break(name, damage) {
      const server = known(servers, name)
      broken.set(server, damage)
      await server[damage]()
    },
    thaw,
    async mend() {
      for (const [server, damage] of broken) await server[damage === 'freeze' ? 'thaw' : 'restart']()
      broken.clear()
    },
    async close() {},
  }
}

function known<T>(all: ReadonlyMap<ServerName, T>, name: ServerName): T {
  const found = all.get(name)
  if (found === undefined) throw new Error(`nothing leads to ${name}: name it in "uses"`)
  return found
}

function portOf(url: string): number {
  return Number(/:(\d+)(?:[/?]|$)/.exec(url)?.[1])
}
