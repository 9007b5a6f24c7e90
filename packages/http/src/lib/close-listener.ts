import { Server } from 'node:net'

/** Nothing to close is not an error here: a framework, or the user, may have done it. */
export function closeListener(server: Server): void {
  if (server.listening) Server.prototype.close.call(server)
}
