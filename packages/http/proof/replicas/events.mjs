import { createServer } from 'node:http'

/** An event every 50 ms, and a last one when the lame duck is over. */
export function create({ draining }) {
  return createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => response.write('data: tick\n\n'), 50)
    const sayBye = () => response.end('event: bye\ndata:\n\n')
    draining.addEventListener('abort', sayBye, { once: true })
    response.once('close', () => {
      clearInterval(timer)
      draining.removeEventListener('abort', sayBye)
    })
  })
}
