import stoppable from 'stoppable'
import { serve, server } from './serve.mjs'

stoppable(server, 30_000)
process.once('SIGTERM', () => server.stop(() => process.exit(0)))
await serve()
