import tracer from 'dd-trace'
import type { Leave } from './service.ts'

if (process.env['PRELOADED'] === undefined) tracer.init()

export const leave: Leave = (name, work) => tracer.trace(name, work)
