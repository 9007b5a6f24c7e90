// What most services do: Node's own close, without a package.
import { serve, server } from './serve.mjs'

process.once('SIGTERM', () => server.close(() => process.exit(0)))
await serve()
