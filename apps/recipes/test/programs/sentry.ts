import * as Sentry from '@sentry/node'
import type { Leave } from './service.ts'

Sentry.init({
  dsn: process.env['SENTRY_DSN'],
  tracesSampleRate: 1,
  integrations: (all) => (process.env['REJECTIONS'] === 'stop' ? all.filter(({ name }) => name !== 'OnUnhandledRejection') : all),
})

export const leave: Leave = (name, work) => Sentry.startSpan({ name }, work)
