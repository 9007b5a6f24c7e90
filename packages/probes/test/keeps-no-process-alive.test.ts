import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'

test('neither the probe port nor a connection to it keeps a process alive that has nothing else to do', async () => {
  const child = spawn(process.execPath, [new URL('fixtures/idle.mjs', import.meta.url).pathname], { stdio: ['pipe', 'pipe', 'ignore'] })
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { value: port } = (await lines.next()) as { value: string }
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  child.stdin.write('that was all\n')
  // Before Node's own keep-alive timeout (5 s) ends the connection.
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 4_000)
  expect(await lines.next()).toMatchObject({ value: 'the event loop was empty' })
  expect(await exited).toEqual([0, null])
  clearTimeout(tooLong)
  socket.destroy()
})
