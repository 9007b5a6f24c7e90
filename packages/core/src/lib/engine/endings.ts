import { describeError } from '../describe-value.ts'
import type { Events } from '../events.ts'
import type { WhenEnded } from '../lifecycle.ts'
import type { Resource } from '../resource.ts'
import { isThenable } from '../thenable.ts'

/** Resources that have died by themselves. */
export interface Endings {
  /** Why, by name. */
  readonly why: ReadonlyMap<string, string>
  watch(resource: Resource, whenEnded: WhenEnded): void
  /** It is none of the service's any more. */
  forget(resource: Resource): void
}

export interface EndingsInput {
  readonly events: Events
  readonly isStopping: () => boolean
  readonly warn: (message: string) => void
  /** Not-ready for good. */
  readonly hold: (why: string) => void
  readonly stop: (why: string) => void
}

const whatFollows: Record<WhenEnded, string> = {
  tell: 'the service goes on without it; whenEnded: \'not-ready\' or \'stop\' in add() would do more',
  'not-ready': 'the service is no longer ready',
  stop: 'the service stops',
}

/** Hears of every resource that dies by itself, and does what the service chose for it. */
export function createEndings({ events, isStopping, warn, hold, stop }: EndingsInput): Endings {
  const why = new Map<string, string>()
  const watched = new Set<Resource>()

  return {
    why,
    watch(resource, whenEnded) {
      if (!resource.watch) return
      const { name } = resource
      watched.add(resource)
      // A resource may know at once.
      const returned: unknown = resource.watch(
        (reason) => onEnded(resource, name, reason, whenEnded),
        (message) => onMisuse(resource, `${name}: ${message}`),
      )
      // An async function is not what the types say, but its rejection must not become an uncaught error.
      if (isThenable(returned)) Promise.resolve(returned).catch((error: unknown) => warn(`${name}: watch: ${describeError(error)}`))
    },
    forget(resource) {
      watched.delete(resource)
      why.delete(resource.name)
    },
  }

  function onMisuse(resource: Resource, message: string): void {
    if (watched.has(resource) && !isStopping()) warn(message)
  }

  function onEnded(resource: Resource, name: string, reason: unknown, whenEnded: WhenEnded): void {
    if (isStopping() || !watched.delete(resource)) return
    const text = describeError(reason)
    why.set(name, text)
    events.emit({ type: 'resource-ended', name, why: text })
    const message = `"${name}" has ended by itself (${text})`
    warn(`${message}: ${whatFollows[whenEnded]}`)
    if (whenEnded === 'not-ready') hold(message)
    if (whenEnded === 'stop') stop(message)
  }
}
