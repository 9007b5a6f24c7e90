import type { Server } from 'node:net'
import { LifecycleError, show, type StartContext } from '@lameduck/core'
import { closeListener } from './close-listener.ts'
import { requirePort } from './require-port.ts'

/** Where `start()` listens. Without a host Node listens on every interface. */
export type ListenAddress = { readonly port: number; readonly host?: string } | { readonly path: string }

export interface Startup {
  readonly start: (context: StartContext) => Promise<void>
  /** What a start that has not ended waits for. */
  readonly waitingFor: () => readonly string[]
}

/**
 * Waits for the server to listen, or makes it listen.
 *
 * An `error` that comes before it listens (`app.listen(8080)` on a taken port) is kept for `start()` to reject with
 * instead of ending the process; once it listens, errors are the application's own again.
 */
export function watchStartup(server: Server, name: string, listen: ListenAddress | undefined): Startup {
  if (listen !== undefined) requireAddress(server, listen)
  let failure: Error | undefined
  let isStarting = false
  if (!server.listening) server.on('error', onError)
  server.on('listening', onListening)

  function onError(error: Error): void {
    failure ??= error
  }

  function onListening(): void {
    failure = undefined
    server.off('error', onError)
  }

  function start({ signal }: StartContext): Promise<void> {
    return new Promise((resolve, reject) => {
      if (server.listening) return resolve()
      if (failure) return reject(explain(failure, name))
      if (signal.aborted) return reject(signal.reason)
      const onListen = (): void => settle(resolve)
      const onFailure = (error: Error): void => settle(() => reject(explain(error, name)))
      const onClose = (): void => settle(() => reject(new LifecycleError('start-failed', `${name} was closed before it listened`, { resource: name })))
      const onAbort = (): void => {
        // Ours, and nobody will drain what has not started: a look-up of the host may still end well.
        if (listen) closeWhenItListens(server)
        settle(() => reject(signal.reason))
      }
      server.on('listening', onListen).on('error', onFailure).on('close', onClose)
      signal.addEventListener('abort', onAbort)
      isStarting = true
      if (listen) server.listen(listen)

      function settle(then: () => void): void {
        isStarting = false
        server.off('listening', onListen).off('error', onFailure).off('close', onClose)
        signal.removeEventListener('abort', onAbort)
        then()
      }
    })
  }

  return {
    start,
    waitingFor() {
      if (!isStarting) return []
      return [listen ? 'its server to listen' : 'its server to listen: call listen() of it before you await the start, or give httpServer() the option listen']
    },
  }
}

function closeWhenItListens(server: Server): void {
  const close = (): void => {
    server.off('error', forget)
    closeListener(server)
  }
  const forget = (): void => void server.off('listening', close)
  server.once('listening', close).once('error', forget)
}

function requireAddress(server: Server, listen: ListenAddress): void {
  if (typeof listen !== 'object' || listen === null) throw new LifecycleError('invalid-option', `listen must be { port, host } or { path }; it is ${show(listen)}`)
  if (server.listening) {
    throw new LifecycleError('invalid-option', `the server listens on ${where(server.address())} already; leave the option listen out`)
  }
  if ('path' in listen) {
    if (typeof listen.path === 'string' && listen.path !== '') return
    throw new LifecycleError('invalid-option', `listen.path must be the path of a socket; it is ${show(listen.path)}`)
  }
  requirePort(listen.port, 'listen.port')
}

/** Node's `listen` errors carry the address; the message says what to do about it. */
function explain(error: NodeJS.ErrnoException & { readonly address?: string; readonly port?: number }, name: string): LifecycleError {
  const address = where({ address: error.address ?? '', port: error.port ?? -1 })
  return new LifecycleError('start-failed', `${name} cannot listen on ${address}: ${advise(error)}`, { resource: name, cause: error })
}

function advise(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'it is in use (EADDRINUSE). Stop the process that listens there, or choose another.'
    case 'EACCES':
      return 'no permission (EACCES). Choose a port from 1024 up, or a path this user may write.'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address (EADDRNOTAVAIL). Leave the host out to listen on every interface.'
    case undefined:
    default:
      return error.message
  }
}

function where(address: { readonly address: string; readonly port: number } | string | null): string {
  if (address === null) return 'nothing'
  if (typeof address === 'string') return address
  if (address.port < 0) return address.address === '' ? 'its address' : address.address
  return address.address.includes(':') ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`
}
