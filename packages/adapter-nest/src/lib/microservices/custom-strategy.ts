import type { Part } from '../part.ts'
import type { Handlers } from '../track-handlers.ts'
import { consumer } from './consumer.ts'
import type { TransportServer } from './transport-server.ts'

interface CustomStrategy extends TransportServer {
  /** What the application may give its strategy, so that it stops like the others. */
  quiesce?(): unknown
}

/** A transport of the application's own. Its handlers are counted; how it stops taking messages, only its author can say. */
export function customStrategy(strategy: CustomStrategy, handlers: Handlers): Part {
  return {
    ...consumer({ stop: async () => strategy.quiesce?.() }, handlers),
    get warnings() {
      if (typeof strategy.quiesce === 'function') return []
      const { name } = strategy.constructor
      return [
        `the microservice with the strategy ${name} takes messages until it is closed, for how it stops is not known; those that come too late are refused. Give ${name} a method quiesce() that makes it take no more; it is called in the tick of the signal.`,
      ]
    },
  }
}
