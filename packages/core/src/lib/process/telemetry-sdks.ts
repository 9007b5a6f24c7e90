import type { Lifecycle } from '../lifecycle.ts'

interface TelemetrySdk {
  readonly name: string
  /** Whether it is loaded in this process and collects something. May throw: all that it looks at belongs to others. */
  readonly collects: () => boolean
  /** What to add to the lifecycle. */
  readonly cure: string
}

const sdks: readonly TelemetrySdk[] = [
  {
    name: 'Sentry',
    collects() {
      const { __SENTRY__: carrier } = globalThis as Globals
      const client = carrier?.[carrier.version ?? '']?.defaultCurrentScope?.getClient?.()
      return client?.getDsn?.() !== undefined && client.getOptions?.().enabled !== false
    },
    cure: "telemetry('sentry', { flush: (withinMs) => Sentry.flush(withinMs) })",
  },
  {
    name: 'dd-trace',
    // Before `init()` its tracer is one that does nothing, and has no exporter.
    collects: () => (globalThis as Globals)._ddtrace?._tracer?._exporter !== undefined,
    cure: "telemetry('dd-trace', { flush: () => new Promise((done) => tracer._tracer._exporter.flush(done)) })",
  },
  {
    name: 'newrelic',
    // An agent that was switched off, or could not start, leaves a stub without one.
    collects: () => modules()?.['__NR_cache']?.agent !== undefined,
    cure: "telemetry('newrelic', { close: (timeout) => new Promise((done) => newrelic.shutdown({ collectPendingData: true, timeout }, done)) })",
  },
]

const openTelemetry: TelemetrySdk = {
  name: 'OpenTelemetry',
  collects() {
    const { trace, metrics } = (globalThis as Globals)[Symbol.for('opentelemetry.js.api.1')] ?? {}
    // Those that do nothing have nothing to flush.
    return [trace?.getDelegate?.() ?? trace, metrics].some((provider) => typeof provider?.forceFlush === 'function')
  },
  cure: "telemetry('opentelemetry', { close: () => sdk.shutdown() })",
}

/**
 * What to say where an SDK collects telemetry in this process, and no lifecycle has a resource of the phase `telemetry`: one text for each SDK.
 * What it has not sent by the end is lost, and a bound lifecycle has taken away what it did at an uncaught error.
 *
 * @param adopted who has listeners that the stop runs: one of the SDK itself ends it
 */
export function unflushedSdks(lifecycles: Iterable<Lifecycle>, adopted: readonly string[]): string[] {
  const own = sdks.filter(isThere)
  // The others may have registered a provider of their own.
  const found = (own.length > 0 ? own : [openTelemetry].filter(isThere)).filter(({ name }) => !adopted.some((owner) => owner.startsWith(name)))
  if (found.length === 0 || [...lifecycles].some(hasTelemetry)) return []
  return found.map(({ name, cure }) => `${name} loses what it has not sent when the process exits, for no resource flushes it: lifecycle.add(${cure}), see docs/telemetry.md`)
}

function hasTelemetry(lifecycle: Lifecycle): boolean {
  return lifecycle.plan().steps.some(({ phase }) => phase === 'telemetry')
}

function isThere({ collects }: TelemetrySdk): boolean {
  try {
    return collects()
  } catch {
    return false
  }
}

/** Where `require` keeps what it has loaded. */
function modules(): Readonly<Record<string, { readonly agent?: unknown } | undefined>> | undefined {
  return (process.getBuiltinModule('node:module') as { readonly _cache?: Record<string, { readonly agent?: unknown }> })._cache
}

interface Provider {
  readonly getDelegate?: () => Provider
  readonly forceFlush?: unknown
}

interface SentryClient {
  getDsn?(): unknown
  getOptions?(): { readonly enabled?: boolean }
}

/** The little that is read of what the SDKs leave behind. */
interface Globals {
  readonly __SENTRY__?: { readonly version?: string } & Readonly<Record<string, { readonly defaultCurrentScope?: { getClient?(): SentryClient | undefined } } | undefined>>
  readonly _ddtrace?: { readonly _tracer?: { readonly _exporter?: unknown } }
  readonly [key: symbol]: { readonly trace?: Provider; readonly metrics?: Provider } | undefined
}
