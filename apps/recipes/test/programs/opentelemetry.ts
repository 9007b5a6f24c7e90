import { trace } from '@opentelemetry/api'
import type { Leave } from './service.ts'

export const leave: Leave = (name, work) => trace.getTracer('recipes').startActiveSpan(name, (span) => work().finally(() => span.end()))
