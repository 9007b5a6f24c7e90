import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { parentPort } from 'node:worker_threads'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 4_000 })
pool.on('error', () => {})
const hash = promisify(pbkdf2)

parentPort.on('message', async (message) => {
  if (message === 'close') {
    await pool.end()
    parentPort.close()
    return
  }
  try {
    const key = await hash(message.id, 'salt', 20_000, 32, 'sha256')
    await pool.query('INSERT INTO hashes VALUES ($1, $2)', [message.id, key.toString('hex')])
    parentPort.postMessage({ id: message.id })
  } catch (error) {
    parentPort.postMessage({ id: message.id, error: error.message })
  }
})
