// The report goes to a collector, by a function that is asynchronous as everything else is.
import { bindProcess, createLifecycle, reportLine } from '@lameduck/core'
import { expressApp } from '@lameduck/adapter-express'
import express from 'express'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const app = express()
app.get('/', (request, response) => response.send('ok'))
const web = expressApp(app, { port: 0, host: '127.0.0.1' })
lifecycle.add(web)

async function onReport(report) {
  const answer = await fetch(process.env.COLLECTOR, { method: 'POST', body: report.result })
  await answer.text()
  console.log(reportLine(report))
}
await bindProcess(lifecycle, { onReport }).ready()
console.log(`ready ${web.server.address().port}`)
