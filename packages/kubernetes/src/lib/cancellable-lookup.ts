import { Resolver } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'

/**
 * A name lookup that ends when the signal aborts. Node's own occupies a thread that `process.exit` waits for: with a name
 * server that did not answer, the exit took 10 s. In exchange it knows neither `/etc/hosts` nor search domains.
 *
 * @param servers `address:port` of the name servers. @default those of the system
 */
export function cancellableLookup(signal: AbortSignal, servers?: readonly string[]): LookupFunction {
  return (name, options, deliver) => {
    const resolver = new Resolver()
    if (servers) resolver.setServers(servers)
    const cancel = (): void => resolver.cancel()
    signal.addEventListener('abort', cancel)
    void Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]).then(([v4, v6]) => {
      signal.removeEventListener('abort', cancel)
      const addresses = [...found(v4, 4), ...found(v6, 6)]
      const [first] = addresses
      if (!first) deliver((v4 as PromiseRejectedResult).reason as Error, '')
      else if (options.all) deliver(null, addresses)
      else deliver(null, first.address, first.family)
    })
  }
}

function found(result: PromiseSettledResult<string[]>, family: 4 | 6): { address: string; family: number }[] {
  return result.status === 'fulfilled' ? result.value.map((address) => ({ address, family })) : []
}
