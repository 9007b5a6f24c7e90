import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LifecycleError, requireOptions, show, type Lifecycle, type Resource } from '@lameduck/core'
import { probeOptionNames, type ProbeOptions } from './create-probes.ts'
import { keepFewConnections, smallServer } from './few-connections.ts'
import { preStopHook, type PreStopOptions } from './pre-stop-hook.ts'
import { probeListener } from './probe-listener.ts'
import { validPaths } from './probe-paths.ts'

export interface ProbeServerOptions extends ProbeOptions {
  /** Unique in one lifecycle. @default 'probes' */
  readonly name?: string
  /** 0 takes a free one. */
  readonly port: number
  /** kubelet comes by the Pod's address, so leave it out in a cluster. @default every interface */
  readonly host?: string
  /**
   * A preStop hook of the kind `httpGet`. It makes the service not ready, asks clients to go elsewhere, and answers when the policy's
   * `lameDuck.minMs` is over; the time is measured, and taken off the grace period where the signal follows within 5 s.
   * @default none
   */
  readonly preStop?: PreStopOptions
}

export interface ProbeServerResource extends Resource {
  /** Where it listens; `undefined` before `start()` and after the end. */
  address(): AddressInfo | undefined
}

/**
 * The probes on a port of their own: they answer while everything else starts, and until the process is gone, when the
 * service's own listener has long been closed. Its server is unref'd, so it never keeps a process alive.
 *
 * It is created, started and closed by this resource. `drain` does nothing on purpose: it closes when the lifecycle has stopped.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function probeServer(lifecycle: Lifecycle, options: ProbeServerOptions): ProbeServerResource {
  requireOptions(options, { ...probeOptionNames, name: true, port: true, host: true, preStop: true }, 'probeServer()', ['preStop.path', 'preStop.secret'])
  const { name = 'probes', port, host, preStop, ...probeOptions } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new LifecycleError('invalid-option', `port must be a whole number from 0 to 65535; it is ${show(port)}`)
  }
  const answer = probeListener(lifecycle, probeOptions)
  const hook = preStop === undefined ? undefined : preStopHook(lifecycle, preStop, validPaths(probeOptions.paths))
  const server = createServer(smallServer, (request, response) => {
    if (hook?.(request, response) !== true && !answer(request, response)) response.writeHead(404, { 'content-length': 0 }).end()
  })
  keepFewConnections(server)
  let closed = false
  server.on('connection', (socket) => socket.unref())
  const unsubscribe = lifecycle.subscribe((event) => {
    if (event.type === 'stopped') close()
  })

  return {
    name,
    phase: 'telemetry',
    // It takes no time from anyone: what it does at a stop is to stay.
    reserveMs: 0,
    warnings: warningsOf(host, preStop),
    start: ({ signal }) => listen(signal),
    drain: () => {},
    force: close,
    address() {
      const address = server.address()
      return address === null || typeof address === 'string' ? undefined : address
    },
  }

  function listen(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => settle(() => reject(signal.reason))
      const onError = (error: NodeJS.ErrnoException): void => settle(() => reject(explain(name, host, port, error)))
      const onListening = (): void => {
        // The lifecycle has stopped while the host was looked up.
        if (closed) closeServer(server)
        settle(resolve)
      }
      if (signal.aborted) return onAbort()
      signal.addEventListener('abort', onAbort)
      server.on('error', onError).on('listening', onListening)
      server.unref().listen(host === undefined ? { port } : { port, host })

      function settle(then: () => void): void {
        signal.removeEventListener('abort', onAbort)
        server.off('error', onError)
        then()
      }
    })
  }

  function close(): void {
    closed = true
    unsubscribe()
    closeServer(server)
  }
}

function closeServer(server: Server): void {
  if (!server.listening) return
  server.close()
  server.closeAllConnections()
}

function warningsOf(host: string | undefined, preStop: PreStopOptions | undefined): string[] {
  return [
    ...(isLoopback(host) ? [`listens on ${host} only, where kubelet's probes do not arrive: they come to the Pod's own address. Leave host out.`] : []),
    ...(preStop?.secret === false ? [`anybody who reaches the port can call ${preStop.path}, and so take this replica out of its balancer, and shorten a stop that follows within 5 s. Give preStop a secret.`] : []),
  ]
}

function isLoopback(host: string | undefined): boolean {
  return host !== undefined && (host === 'localhost' || host === '::1' || host.startsWith('127.'))
}

function explain(name: string, host: string | undefined, port: number, error: NodeJS.ErrnoException): LifecycleError {
  const where = host === undefined ? `port ${port}` : `${host.includes(':') ? `[${host}]` : host}:${port}`
  const why =
    error.code === 'EADDRINUSE'
      ? 'it is in use (EADDRINUSE). Give the probes a port of their own, or stop the process that listens there.'
      : error.message
  return new LifecycleError('start-failed', `${name} cannot listen on ${where}: ${why}`, { resource: name, cause: error })
}
