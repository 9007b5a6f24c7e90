import gracefulShutdown from 'http-graceful-shutdown'
import { serve, server } from './serve.mjs'

gracefulShutdown(server, { timeout: 30_000 })
await serve()
