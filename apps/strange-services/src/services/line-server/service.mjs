// A protocol of its own over TCP, a line in and a line out, with a resource by hand.
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })
const commands = trackedWork('commands', { phase: 'intake' })
const sockets = new Set()

const server = createServer((socket) => {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  createInterface({ input: socket }).on(
    'line',
    commands.wrap(async function put(line) {
      console.log('began', line)
      try {
        await pool.query('INSERT INTO put SELECT $1 FROM pg_sleep(0.1)', [line])
        socket.write(`ok ${line}\n`)
      } catch (error) {
        socket.write(`no ${line}\n`)
        throw error
      }
    }),
  )
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
const listener = lifecycle.add({
  name: 'lines',
  phase: 'intake',
  start: () => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve)),
  async drain() {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.end('bye\n')
    await closed
  },
  force: () => sockets.forEach((socket) => socket.destroy()),
})
lifecycle.add(commands, { needs: [listener] })
process.on('unhandledRejection', () => {})
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
