import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { serve, server } from './serve.mjs'

// Without a lame duck, wherever this runs: its length is chosen, not a cost.
const lifecycle = createLifecycle({ policy: { graceMs: 30_000, lameDuck: { minMs: 0, quietMs: 0, maxMs: 0 } } })
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
await serve()
