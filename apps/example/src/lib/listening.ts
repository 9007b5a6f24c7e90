import { once } from 'node:events'
import type { Server } from 'node:http'
import { ConfigError } from './config-error.ts'

/** Waits until the server listens. @throws ConfigError, one line, when it cannot. */
export async function listening(server: Server, port: number): Promise<Server> {
  try {
    if (!server.listening) await once(server, 'listening')
    return server
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    throw new ConfigError(code === 'EADDRINUSE' ? `port ${port} is in use. Stop what uses it, or choose another port.` : `cannot listen on port ${port}: ${String(code)}`, { cause })
  }
}
