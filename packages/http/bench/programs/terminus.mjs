import { createTerminus } from '@godaddy/terminus'
import { serve, server } from './serve.mjs'

// Its default is to end by sending itself the signal again, after which a process cannot say how it went.
createTerminus(server, { signal: 'SIGTERM', timeout: 30_000, useExit0: true })
await serve()
