// Nightly reports over a pool that is smaller than what is asked of it, in CommonJS and callbacks: most wait for a connection when the signal comes.
const { pgPool } = require('@lameduck/adapter-pg')
const { bindProcess, createLifecycle } = require('@lameduck/core')
const { Pool } = require('pg')

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1, connectionTimeoutMillis: 700 })
lifecycle.add(pgPool(pool, { onError: () => {} }))

bindProcess(lifecycle).ready().then(() => {
  for (let n = 0; n < 10; n += 1) {
    pool.query('INSERT INTO reports SELECT $1 FROM pg_sleep(0.25)', [`r${n}`], (error) => {
      if (error) console.log(`gave up r${n}`, error.message)
    })
  }
  console.log('ready')
})
