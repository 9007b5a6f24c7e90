import { tcpLink } from '@lameduck/conformance'
import type { ServerName } from '@lameduck/servers'
import type { Urls } from './world.ts'

/** How a server is broken: it stands still, or it is dead. */
export type Damage = 'freeze' | 'kill'

/** The ways from one service to its servers, each of which may be broken without harm to the others' servers. */
export interface Ways {
  /** For the service's environment: which port is reached by which other one. */
  readonly detours: Readonly<Record<string, string>>
  break(server: ServerName, damage: Damage): Promise<void>
  thaw(server: ServerName): void
  close(): Promise<void>
}

export async function openWays(servers: readonly ServerName[], urls: Urls): Promise<Ways> {
  const links = new Map(await Promise.all(servers.map(async (server) => [server, await tcpLink({ port: portOf(urls[server]) })] as const)))
  const linkOf = (server: ServerName): Awaited<ReturnType<typeof tcpLink>> => {
    const link = links.get(server)
    if (!link) throw new Error(`nothing leads over a way to ${server}: name it in "uses"`)
    return link
  }
  return {
    detours: Object.fromEntries([...links].map(([server, { port }]) => [portOf(urls[server]), String(port)])),
    async break(server, damage) {
      if (damage === 'freeze') linkOf(server).freeze()
      else await linkOf(server).kill()
    },
    thaw: (server) => linkOf(server).thaw(),
    async close() {
      await Promise.all([...links.values()].map(async (link) => link.close()))
    },
  }
}

function portOf(url: string): number {
  return Number(/:(\d+)(?:[/?]|$)/.exec(url)?.[1])
}
