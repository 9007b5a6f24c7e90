import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { expect, onTestFinished, test } from 'vitest'
import { cancellableLookup } from './cancellable-lookup.ts'

/** A name server on loopback; `answer` gives the four bytes of the address, or nothing for silence. AAAA questions get an empty answer. */
async function nameServer(answer: readonly number[] | undefined): Promise<{ address: string; asked: Promise<unknown> }> {
  const socket = createSocket('udp4')
  socket.on('message', (question, from) => {
    if (!answer) return
    const isA = question.readUInt16BE(question.indexOf(0, 12) + 1) === 1
    const header = Buffer.from([question[0] ?? 0, question[1] ?? 0, 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0])
    const record = isA ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...answer]) : Buffer.alloc(0)
    socket.send(Buffer.concat([header, question.subarray(12, question.indexOf(0, 12) + 5), record]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked: once(socket, 'message') }
}

function lookup(server: string, signal: AbortSignal, options: LookupOptions): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const callback = (error: Error | null, ...found: [string | LookupAddress[], number?]): void => (error ? reject(error) : resolve(found))
    cancellableLookup(signal, [server])('api.example.test', options, callback)
  })
}

test('finds the addresses, as Node wants them', async () => {
  const { address } = await nameServer([192, 0, 2, 7])
  const { signal } = new AbortController()
  expect(await lookup(address, signal, { all: true })).toEqual([[{ address: '192.0.2.7', family: 4 }]])
  expect(await lookup(address, signal, {})).toEqual(['192.0.2.7', 4])
})

test('ends with its signal when the name server is silent', async () => {
  const { address, asked } = await nameServer(undefined)
  const abort = new AbortController()
  const looked = lookup(address, abort.signal, { all: true })
  await asked
  abort.abort()
  await expect(looked).rejects.toThrow('ECANCELLED')
}, 2_000)
