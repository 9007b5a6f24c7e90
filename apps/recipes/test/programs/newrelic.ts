import newrelic from 'newrelic'
import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import type { Leave } from './service.ts'

// Before it is connected it drops what it is given, and that takes a moment.
const { agent } = newrelic as unknown as { readonly agent: EventEmitter }
if (process.env['UNCONNECTED'] === undefined) await once(agent, 'started')

export const leave: Leave = (name, work) => newrelic.startBackgroundTransaction(name, work)
