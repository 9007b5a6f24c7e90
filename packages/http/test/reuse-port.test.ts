import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { startProgram } from './support/program.ts'
import { get, watch } from './support/raw-client.ts'

const has = Number(process.versions.node.split('.')[0]) >= 22

// Catches: closing the listener at once. What the kernel has queued for one process does not move to the other.
test.skipIf(!has)('reusePort: of two processes on one port, one leaves without a reset (Node 22 and later; Node 20 has no reusePort)', async () => {
  expect(await lostOf('close')).toBeGreaterThan(0)
  expect(await lostOf('drain')).toBe(0)
})

async function lostOf(how: 'close' | 'drain'): Promise<number> {
  const leaving = startProgram('reuse-port', 0, how)
  const port = Number((await leaving.line(/^listening on (\d+)$/))[1])
  const staying = startProgram('reuse-port', port, how)
  await staying.line(/^listening on/)
  // Frozen, it accepts nothing: the kernel goes on to complete handshakes, and its half of the clients wait in its queue.
  leaving.child.kill('SIGSTOP')
  const clients = Array.from({ length: 100 }, () => watch(connect(port, '127.0.0.1')))
  await Promise.all(clients.map((client) => once(client.socket, 'connect')))
  for (const client of clients) client.send(get('/', 'Connection: close\r\n'))
  leaving.child.kill('SIGTERM')
  leaving.child.kill('SIGCONT')

  const answers = await Promise.all(clients.map((client) => client.until(/from \d+$/).catch(() => 'lost')))
  if (how === 'drain') {
    expect(await leaving.ended).toMatchObject({ code: 0 })
    expect(answers.filter((answer) => answer.endsWith(`from ${leaving.child.pid}`)).length).toBeGreaterThan(0)
  }
  return answers.filter((answer) => answer === 'lost').length
}
