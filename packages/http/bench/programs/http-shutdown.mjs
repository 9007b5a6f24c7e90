import addShutdown from 'http-shutdown'
import { serve, server } from './serve.mjs'

addShutdown(server)
process.once('SIGTERM', () => server.shutdown(() => process.exit(0)))
await serve()
