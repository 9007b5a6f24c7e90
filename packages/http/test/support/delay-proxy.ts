import { connect, createServer, type Socket } from 'node:net'
import { serve } from './serve.ts'

/** A port that leads to `target`, each way `delayMs` long; a FIN arrives as a FIN, a reset as a reset. `onClient` may listen in. */
export function delayProxy(target: number, delayMs: number, onClient: (client: Socket) => void = () => {}): Promise<number> {
  const proxy = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    onClient(client)
    const server = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    pass(client, server, delayMs)
    pass(server, client, delayMs)
  })
  return serve(proxy)
}

function pass(from: Socket, to: Socket, delayMs: number): void {
  const later = (action: () => void): void => void setTimeout(() => !to.destroyed && action(), delayMs)
  from.on('data', (chunk) => later(() => void to.write(chunk)))
  from.on('end', () => later(() => void to.end()))
  from.on('error', () => later(() => void to.resetAndDestroy()))
}
