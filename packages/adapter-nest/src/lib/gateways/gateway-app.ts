import { providersOf, type WithContainer } from '../nest-container.ts'
import type { Handler } from '../track-handlers.ts'

/** What is used of an application that may have gateways; private to it, and alike in Nest 10, 11 and 12. */
export interface GatewayApp extends WithContainer {
  readonly config?: ApplicationConfig
}

export interface ApplicationConfig {
  getIoAdapter(): Adapter | undefined
  setIoAdapter: (adapter: Adapter) => void
}

/** The documented WebSocketAdapter of @nestjs/common. */
export interface Adapter {
  bindClientConnect: (server: object, callback: (...parameters: unknown[]) => void) => unknown
  bindClientDisconnect?: (client: object, callback: (...parameters: unknown[]) => void) => unknown
  bindMessageHandlers: (client: object, handlers: readonly MessageHandler[], transform: unknown) => unknown
  /** Of the WsAdapter: servers that several gateways share, by port; 0 is that of the application. */
  readonly httpServersRegistry?: ReadonlyMap<number, unknown>
}

export interface MessageHandler {
  readonly message: unknown
  readonly callback: Handler
}

/** Calls back for the adapter that is set, and for every one that is set later. Nest sets its own when it begins to listen. */
export function onAdapter({ config }: GatewayApp, callback: (adapter: Adapter) => void): void {
  if (!config) return
  const adapter = config.getIoAdapter()
  if (adapter) callback(adapter)
  const { setIoAdapter } = config
  config.setIoAdapter = (next) => {
    callback(next)
    setIoAdapter.call(config, next)
  }
}

/** The instances of all gateways that are no request's own. */
export function gatewaysOf(app: GatewayApp): Record<string, unknown>[] {
  return providersOf(app).flatMap(([, { metatype, instance }]) => {
    const isGateway = typeof metatype === 'function' && typeof instance === 'object' && instance !== null && hasMetadata('websockets:is_gateway', metatype)
    return isGateway ? [instance as Record<string, unknown>] : []
  })
}

/** By reflect-metadata, without which no Nest application runs. */
function hasMetadata(key: string, target: object): boolean {
  return (Reflect as { hasMetadata?: (key: string, target: object) => boolean }).hasMetadata?.(key, target) === true
}
