// Downloads of 8 MB to clients with slow lines, from a generator and from a file that is piped.
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const file = join(process.env.FOLDER, 'large')
await writeFile(file, Buffer.alloc(8_000_000, 'x'))

function* pieces() {
  for (let n = 0; n < 800; n += 1) yield 'y'.repeat(10_000)
}

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const server = createServer((request, response) => {
  const source = request.url === '/file' ? createReadStream(file) : Readable.from(pieces())
  source.pipe(response)
})
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
