import { createHttpTerminator } from 'http-terminator'
import { serve, server } from './serve.mjs'

const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 30_000 })
process.once('SIGTERM', () => void terminator.terminate().then(() => process.exit(0)))
await serve()
