import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reset } from './reset.ts'

let server: Server
let client: Socket
let socket: Socket
let errors: string[]

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true })
  client.on('error', () => {})
  ;[socket] = (await once(server, 'connection')) as [Socket]
  errors = []
  socket.on('error', (error) => errors.push(error.message))
})

afterEach(() => {
  client.destroy()
  server.close()
})

describe('a reset', () => {
  it('arrives as a reset', async () => {
    const failed = once(client, 'error')
    reset(socket)
    const [error] = (await failed) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
  })

  it.each<[string, () => void]>([
    ['by itself', () => {}],
    ['after a write', () => socket.write('x')],
    ['after an end', () => socket.end()],
    ['after a write and an end', () => socket.end('x')],
  ])('%s, when the socket is destroyed in the same turn, closes it', async (_, before) => {
    before()
    const closed = once(socket, 'close')
    reset(socket)
    socket.destroy()
    await closed
    expect(errors).toEqual([])
  })
})
