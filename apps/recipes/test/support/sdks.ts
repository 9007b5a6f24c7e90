import { localhost } from '@lameduck/servers'
import { writeFile } from 'node:fs/promises'
import { inDatadog, inNewRelic, inOpenTelemetry, inSentry, newRelicAnswer } from './arrived.ts'
import type { IntakeOptions, Received } from './intake.ts'

/** How one SDK is run against an intake. */
export interface Sdk {
  /** The heading of its snippet in docs/telemetry.md. */
  readonly snippet: string
  /** Its part of a program, in `../programs/`. */
  readonly program: string
  readonly nodeOptions?: readonly string[]
  readonly env: (port: number) => NodeJS.ProcessEnv
  readonly intake?: (port: () => number) => IntakeOptions
  /** Names of what has arrived. */
  readonly arrived: (received: readonly Received[]) => readonly string[]
  /** Whether it reports uncaught errors. */
  readonly hearsErrors: boolean
}

/** The authority for what has localhost's certificate. */
export async function trust(folder: string): Promise<NodeJS.ProcessEnv> {
  await writeFile(`${folder}/localhost.pem`, localhost.cert)
  return { NODE_EXTRA_CA_CERTS: `${folder}/localhost.pem` }
}

const register = '@opentelemetry/auto-instrumentations-node/register'

function openTelemetryEnv(port: number): NodeJS.ProcessEnv {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_NODE_RESOURCE_DETECTORS: 'none',
  }
}

export const sentry: Sdk = {
  snippet: 'Sentry',
  program: 'sentry',
  env: (port) => ({ SENTRY_DSN: `http://key@127.0.0.1:${port}/1` }),
  arrived: inSentry,
  hearsErrors: true,
}

export const openTelemetry: Sdk = { snippet: 'OpenTelemetry', program: 'opentelemetry', env: openTelemetryEnv, arrived: inOpenTelemetry, hearsErrors: false }

export const imported: Sdk = { ...openTelemetry, snippet: 'OpenTelemetry 2', nodeOptions: ['--import', register] }

export const required: Sdk = { ...openTelemetry, snippet: 'OpenTelemetry 2', nodeOptions: ['--require', register] }

export const datadog: Sdk = {
  snippet: 'Datadog',
  program: 'datadog',
  env: (port) => ({ DD_TRACE_AGENT_URL: `http://127.0.0.1:${port}`, DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false', DD_REMOTE_CONFIGURATION_ENABLED: 'false', DD_TRACE_STARTUP_LOGS: 'false' }),
  intake: () => ({ answer: ({ url }) => (url.endsWith('/traces') ? { rate_by_service: {} } : {}) }),
  arrived: inDatadog,
  hearsErrors: false,
}

export const datadogImported: Sdk = { ...datadog, nodeOptions: ['--import', 'dd-trace/initialize.mjs'], env: (port) => ({ ...datadog.env(port), PRELOADED: '1' }) }

export const newRelic: Sdk = {
  snippet: 'New Relic',
  program: 'newrelic',
  env: (port) => ({
    NEW_RELIC_HOST: '127.0.0.1',
    NEW_RELIC_PORT: String(port),
    NEW_RELIC_LICENSE_KEY: 'x'.repeat(40),
    NEW_RELIC_APP_NAME: 'recipes',
    NEW_RELIC_NO_CONFIG_FILE: 'true',
    NEW_RELIC_LOG_ENABLED: 'false',
    // It would ask the clouds' metadata servers.
    ...Object.fromEntries(['AWS', 'AZURE', 'AZUREFUNCTION', 'DOCKER', 'GCP', 'PCF', 'KUBERNETES'].map((name) => [`NEW_RELIC_UTILIZATION_DETECT_${name}`, 'false'])),
  }),
  intake: (port) => ({ tls: true, answer: (received) => newRelicAnswer(port, received) }),
  arrived: inNewRelic,
  hearsErrors: true,
}
