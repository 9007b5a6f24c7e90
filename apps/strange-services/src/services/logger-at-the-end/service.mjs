// pino with a buffer of its own. The report is its last line, so it is flushed after that.
import { createServer } from 'node:http'
import { join } from 'node:path'
import { bindProcess, createLifecycle, reportLine } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pino from 'pino'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const destination = pino.destination({ dest: join(process.env.FOLDER, 'log'), sync: false, minLength: 8_192 })
const logger = pino({ base: undefined }, destination)

const server = createServer((request, response) => {
  setTimeout(() => {
    logger.info({ request: request.url.slice(1) }, 'served')
    response.end('ok\n')
  }, 100)
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle, {
  async onReport(report) {
    console.log(reportLine(report))
    logger.info({ request: `report-${report.result}` }, 'stopped')
    await new Promise((resolve, reject) => destination.flush((error) => (error ? reject(error) : resolve())))
  },
}).ready()
server.on('request', () => console.log('began'))
console.log(`ready ${server.address().port}`)
