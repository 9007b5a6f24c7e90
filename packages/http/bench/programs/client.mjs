import { connect } from 'node:net'
import { answer } from '../../../core/bench/answer.mjs'

/**
 * The other end of the wire, in a process of its own. It reads no headers beyond the first answer's: a client that costs less than the
 * server keeps the server busy.
 */

const request = Buffer.from('GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
const busy = new Map()
const idle = new Set()

const tasks = {
  /** So many requests over so many kept connections, each sending its next one when it has its answer. Opens the connections when it is called first. */
  async load({ port, connections, requests }) {
    if (!busy.has(port)) busy.set(port, await Promise.all(Array.from({ length: connections }, () => open(port))))
    let toSend = requests
    await Promise.all(
      busy.get(port).map(async (connection) => {
        await new Promise((resolve, reject) => {
          connection.onAnswer = () => (toSend > 0 ? send() : resolve())
          connection.onLost = reject
          send()
          function send() {
            toSend -= 1
            connection.socket.write(request)
          }
        })
      }),
    )
    // Every connection has sent one in any case.
    return requests - Math.min(0, toSend)
  },

  /** Opens so many connections, makes one request on each, and leaves them. */
  async idle({ port, connections }) {
    let left = connections
    const opener = async () => {
      while (left > 0) {
        left -= 1
        const connection = await open(port, left)
        await new Promise((resolve, reject) => {
          connection.onAnswer = resolve
          connection.onLost = reject
          connection.socket.write(request)
        })
        connection.onLost = () => {}
        idle.add(connection.socket)
        connection.socket.on('close', () => idle.delete(connection.socket))
      }
    }
    await Promise.all(Array.from({ length: 100 }, opener))
    return idle.size
  },

  /** Closes what `idle` has opened. */
  async leave() {
    for (const socket of idle) socket.end()
    await tasks.left()
  },

  /** Resolves when nothing is open of what `idle` has opened. */
  left: () => Promise.all([...idle].map((socket) => new Promise((resolve) => socket.on('close', () => resolve())))).then(() => {}),
}

/** One address has 28,000 ports, which stay taken for a minute after use; Linux has all of 127.0.0.0/8. */
function sourceOf(index) {
  return process.platform === 'linux' ? { localAddress: `127.0.0.${1 + (index % 16)}` } : {}
}

function open(port, index = 0) {
  return new Promise((resolve, reject) => {
    const connection = { socket: undefined, onAnswer: undefined, onLost: reject }
    let length = 0
    let received = 0
    const read = (bytes, buffer) => {
      if (length === 0) length = lengthOf(buffer.toString('latin1', 0, bytes))
      received += bytes
      if (received < length) return true
      if (received > length) connection.onLost(new Error(`an answer has ${received} bytes instead of ${length}`))
      received = 0
      connection.onAnswer()
      return true
    }
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer: Buffer.alloc(1_024), callback: read }, ...sourceOf(index) })
    connection.socket = socket
    socket.on('connect', () => resolve(connection))
    socket.on('error', () => {})
    socket.on('close', () => connection.onLost(new Error('the server closed a connection that was in use')))
  })
}

/** All answers are alike, so that the first tells how long each is. */
function lengthOf(first) {
  const [, head, size] = /^(HTTP\/1\.1 200 OK\r\n[^]*?Content-Length: (\d+)(?:\r\n[^]*?)?\r\n\r\n)/i.exec(first) ?? []
  if (head === undefined) throw new Error(`expected a complete head of status 200 with a Content-Length in the first read; got ${JSON.stringify(first)}`)
  return head.length + Number(size)
}

answer(tasks)
// Until the first connection nothing else holds this process.
process.channel.ref()
