import { trace } from '@opentelemetry/api'
import * as Sentry from '@sentry/node'
import 'dd-trace'
// Switched off by the environment.
import 'newrelic'

// Without a DSN it sends nothing.
Sentry.init({})
// Without an SDK this is one that does nothing.
trace.getTracer('idle').startSpan('idle').end()
