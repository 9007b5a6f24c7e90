import { startNode, until, type Node } from './nodes.ts'

export interface TestSentinels {
  readonly master: Node
  readonly replica: Node
  readonly sentinels: readonly Node[]
  /** Options of a client that finds the master by them. */
  readonly options: { readonly name: string; readonly sentinels: readonly { readonly host: string; readonly port: number }[] }
  stop(): Promise<void>
}

/** A master, its replica, and three sentinels of which two must agree. */
export async function startSentinels(): Promise<TestSentinels> {
  const master = await startNode(['--repl-diskless-sync-delay', '0'])
  const replica = await startNode(['--replicaof', master.host, String(master.port)])
  await until(() => replica.admin.info('replication'), (text) => text.includes('master_link_status:up'), 'the replica did not follow')
  const sentinels = await Promise.all(Array.from({ length: 3 }, () => startNode(['--sentinel'])))
  const name = 'orders'
  for (const { admin } of sentinels) {
    await admin.call('SENTINEL', 'MONITOR', name, master.host, String(master.port), '2')
    await admin.call('SENTINEL', 'SET', name, 'down-after-milliseconds', '500', 'failover-timeout', '1000')
  }
  const knowsAll = (text: string): boolean => /num-other-sentinels,2(,|$)/.test(text) && /num-slaves,1(,|$)/.test(text)
  await Promise.all(sentinels.map(({ admin }) => until(async () => String(await admin.call('SENTINEL', 'MASTER', name)), knowsAll, 'the sentinels did not find each other')))
  const nodes = [master, replica, ...sentinels]
  return {
    master,
    replica,
    sentinels,
    options: { name, sentinels: sentinels.map(({ host, port }) => ({ host, port })) },
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  }
}
