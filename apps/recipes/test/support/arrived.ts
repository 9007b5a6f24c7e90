import { decode } from '@msgpack/msgpack'
import type { Received } from './intake.ts'

/** Spans and errors in Sentry's envelopes: a line of JSON for the envelope, then two for each item. */
export function inSentry(received: readonly Received[]): string[] {
  return received.flatMap(({ url, body }) => {
    if (!url.includes('/envelope/')) return []
    const lines = body.toString().split('\n').slice(1)
    return lines.flatMap((line, index) => {
      const type = (parse(line) as { readonly type?: unknown } | undefined)?.type
      const item = parse(lines[index + 1] ?? '') as SentryItem | undefined
      if (type === 'event') return [item?.exception?.values?.[0]?.value ?? '']
      return type === 'span' ? (item?.items ?? []).map(({ name }) => name) : []
    })
  })
}

interface SentryItem {
  readonly exception?: { readonly values?: readonly { readonly value?: string }[] }
  readonly items?: readonly { readonly name: string }[]
}

/** Spans that came as OTLP in JSON. */
export function inOpenTelemetry(received: readonly Received[]): string[] {
  return received
    .filter(({ url }) => url === '/v1/traces')
    .flatMap(({ body }) => (JSON.parse(body.toString()) as Otlp).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))))
}

interface Otlp {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly { readonly name: string }[] }[] }[]
}

/** Spans that came as Datadog's agent takes them. */
export function inDatadog(received: readonly Received[]): string[] {
  return received
    .filter(({ url }) => /^\/v0\.\d\/traces$/.test(url))
    .flatMap(({ body }) => (decode(body, { useBigInt64: true }) as { readonly name: string }[][]).flat().map(({ name }) => name))
}

/** Transactions and errors that came as New Relic's collector takes them. */
export function inNewRelic(received: readonly Received[]): string[] {
  return received.flatMap(({ url, body }) => {
    const method = methodOf(url)
    if (method === 'analytic_event_data') return newRelicEvents(body).map((event) => String(event['name']).replace('OtherTransaction/Nodejs/', ''))
    return method === 'error_event_data' ? newRelicEvents(body).map((event) => String(event['error.message'])) : []
  })
}

function newRelicEvents(body: Buffer): Record<string, unknown>[] {
  const [, , events] = JSON.parse(body.toString()) as [unknown, unknown, [Record<string, unknown>][]]
  return events.map(([event]) => event)
}

/** What New Relic's agent needs to hear so that it reports to the port. */
export function newRelicAnswer(port: () => number, { url }: Received): unknown {
  const limits = { analytic_event_data: 1_000, custom_event_data: 1_000, error_event_data: 100, span_event_data: 1_000, log_event_data: 1_000 }
  const answers: Readonly<Record<string, unknown>> = {
    preconnect: { redirect_host: `127.0.0.1:${port()}` },
    connect: {
      agent_run_id: 1,
      collect_analytics_events: true,
      collect_errors: true,
      collect_error_events: true,
      data_report_period: 60,
      event_harvest_config: { report_period_ms: 5_000, harvest_limits: limits },
    },
  }
  return { return_value: answers[methodOf(url)] ?? null }
}

function methodOf(url: string): string {
  return new URL(url, 'https://localhost').searchParams.get('method') ?? ''
}

/** Lines that came as winston's HTTP transport sends them. */
export function inLines(received: readonly Received[]): string[] {
  return received.map(({ body }) => (JSON.parse(body.toString()) as { readonly message: string }).message)
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
