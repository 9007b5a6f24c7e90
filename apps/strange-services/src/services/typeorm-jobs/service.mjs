// A worker on a table of jobs, by TypeORM and loops by hand. What they have claimed they finish; what they have not stays for the next one.
import 'reflect-metadata'
import { setTimeout as pause } from 'node:timers/promises'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { DataSource, EntitySchema } from 'typeorm'

const jobs = new EntitySchema({ name: 'job', tableName: 'jobs', columns: { id: { type: 'text', primary: true }, state: { type: 'text' } } })
const schema = process.env.ID.replaceAll('-', '_')
const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const dataSource = await new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, schema, entities: [jobs], connectTimeoutMS: 5_000 }).initialize()

async function work() {
  while (!lifecycle.stopping.aborted) {
    const found = await dataSource.transaction(async (manager) => {
      const job = await manager.findOne(jobs, { where: { state: 'waiting' }, order: { id: 'ASC' }, lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' } })
      if (!job) return undefined
      console.log('began', job.id)
      await pause(60)
      await manager.update(jobs, { id: job.id }, { state: 'done' })
      return job.id
    })
    if (found) console.log('finished', found)
    else await pause(50)
  }
}

lifecycle.add(pgPool(dataSource.driver.master, { onError: () => {}, end: () => dataSource.destroy() }))
await bindProcess(lifecycle).ready()
for (let n = 0; n < 2; n += 1) work().catch((error) => console.log('a loop has failed:', error.message))
console.log('ready')
