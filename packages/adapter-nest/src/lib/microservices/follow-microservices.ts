import type { Part } from '../part.ts'
import { microservice, type MicroserviceInput } from './microservice.ts'
import type { TransportServer } from './transport-server.ts'

/** What is needed of an application that may have microservices. */
export interface HybridApp {
  getMicroservices(): readonly object[]
}

/** Every microservice of the application, those that are connected later too. */
export function followMicroservices(app: HybridApp, input: Omit<MicroserviceInput, 'server'>, onNew: (part: Part) => void): () => readonly Part[] {
  const parts = new Map<object, Part>()
  followConnect(app, takeIn)
  takeIn()
  return () => [...parts.values()]

  function takeIn(): void {
    for (const each of app.getMicroservices()) {
      const { serverInstance } = each as { serverInstance?: TransportServer }
      if (!serverInstance || parts.has(each)) continue
      const part = microservice({ ...input, server: serverInstance })
      parts.set(each, part)
      onNew(part)
    }
  }
}

/** What NestFactory returns is a Proxy: it ignores assignments, and gives functions that look the method up once more. */
function followConnect(app: HybridApp, onConnect: () => void): void {
  const key = 'connectMicroservice'
  const connect: unknown = Object.getOwnPropertyDescriptor(app, key)?.value ?? Reflect.get(Object.getPrototypeOf(app) as object, key)
  if (typeof connect !== 'function') return
  const value = function (this: unknown, ...parameters: unknown[]): unknown {
    const connected: unknown = Reflect.apply(connect, this, parameters)
    onConnect()
    return connected
  }
  Object.defineProperty(app, key, { value, configurable: true, writable: true })
}
