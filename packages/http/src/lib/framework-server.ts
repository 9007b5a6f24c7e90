import { LifecycleError, orAborted, type OptionNames, type Reason } from '@lameduck/core'
import { httpServer, type DrainableServer, type HttpServerResource } from './http-server.ts'
import { httpServerOptionNames, type HttpServerOptions } from './http-server-options.ts'
import { requirePort } from './require-port.ts'

/** How a framework that owns its server listens and closes. */
export interface FrameworkServer {
  readonly server: DrainableServer
  listen(port: number, host: string): PromiseLike<unknown>
  /** The framework's own close, with its hooks. It is called once, after the last connection is gone. */
  close(reason: Reason): PromiseLike<unknown>
}

/** Those of `httpServer`, and where the framework is to listen. */
export interface FrameworkServerOptions extends Omit<HttpServerOptions, 'listen'> {
  /** 0 takes a free one. */
  readonly port: number
  /** @default every interface */
  readonly host?: string
}

const { listen: _listen, ...drainOptionNames } = httpServerOptionNames

/** For adapters of frameworks: what `frameworkServer` can be given. */
export const frameworkServerOptionNames: OptionNames<FrameworkServerOptions> = { ...drainOptionNames, port: true, host: true }

/**
 * For adapters of frameworks: at the start the framework listens; at the stop its raw server is drained as `httpServer`
 * does, and only then the framework's own close runs, once. The other way round frameworks refuse requests, or destroy what
 * requests in flight still use.
 *
 * @throws LifecycleError `invalid-option`, also when the server listens already.
 */
export function frameworkServer(framework: FrameworkServer, options: FrameworkServerOptions): HttpServerResource {
  // Node takes an empty host for every interface, IPv6 included where there is any; a framework may take none for localhost.
  const { port, host = '', ...drainOptions } = options
  requirePort(port)
  if (framework.server.listening) {
    throw new LifecycleError('invalid-option', 'the app listens already; take out your own app.listen(), start() calls it')
  }
  const raw = httpServer(framework.server, drainOptions)
  let closing: Promise<void> | undefined
  let isStarting = false

  return {
    ...raw,
    // Read when asked, as the raw server's are.
    get warnings() {
      return raw.warnings ?? []
    },
    start: listen,
    waitingFor: () => (isStarting ? ['the application to listen'] : (raw.waitingFor?.() ?? [])),
    async drain(context) {
      await raw.drain(context)
      // Cut like any other step: `force` is called whether this settled or not.
      await orAborted(close(context.reason), context.signal)
    },
    async force(context) {
      await raw.force?.(context)
      // A close that hangs already is not waited for; one that has not been tried gets its chance to release what hooks hold.
      if (!closing) await close(context.reason)
    },
  }

  /** Not given up on an abort: what listens in the end has to be drained, so the engine must see this settle. */
  async function listen(): Promise<void> {
    const watch = new AbortController()
    const listening = raw.start?.({ signal: watch.signal })
    isStarting = true
    try {
      await framework.listen(port, host)
    } catch (error) {
      // The watcher's error says what to do about a taken port; it knows nothing of a plugin that failed.
      if (error instanceof Error && 'syscall' in error && error.syscall === 'listen') await listening
      watch.abort(error)
      await listening
    } finally {
      isStarting = false
    }
  }

  /** Memoised: Nest 11 runs every hook twice when it is closed twice. */
  function close(reason: Reason): Promise<void> {
    closing ??= Promise.resolve(framework.close(reason)).then(() => {})
    return closing
  }
}
