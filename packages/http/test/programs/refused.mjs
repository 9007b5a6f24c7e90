// Registers a server of `node:http`, and prints why it is refused. argv[2]: what the runtime calls itself in `process.versions`; argv[3]: its version.
import { createServer } from 'node:http'
import { httpServer } from '@lameduck/http'

const [, , runtime, version] = process.argv
if (runtime !== undefined) Object.defineProperty(process.versions, runtime, { value: version })
try {
  httpServer(createServer())
  console.log('taken')
} catch (error) {
  console.log(`${error.code}: ${error.message}`)
}
