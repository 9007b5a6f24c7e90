// Keeps connections open that have had one answer each: many-clients.mjs <port> <count>. In a process of its own, since each end of a connection
// costs a file descriptor. Prints `ready` when all are idle, and how all of them ended.
import { connect } from 'node:net'

const [port, count] = process.argv.slice(2).map(Number)
const ends = { end: 0, error: 0 }
let answered = 0
let opening = 0
const request = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n'

// A few at a time: the queue of a listener holds some hundred.
for (let at = 0; at < 100; at += 1) open()

function open() {
  if (opening === count) return
  opening += 1
  const socket = connect(port, '127.0.0.1', () => socket.write(request))
  socket.once('data', () => {
    answered += 1
    if (answered === count) console.log('ready')
    open()
  })
  socket.on('end', () => (ends.end += 1))
  socket.on('error', () => (ends.error += 1))
  socket.on('close', () => ends.end + ends.error === count && console.log(`ended ${ends.end}, failed ${ends.error}`))
}
