import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy'
import { answer } from './answer.mjs'

/** In front of another server, whose `Connection: keep-alive` it passes on. */
export function create() {
  const upstream = createServer(answer).listen(0, '127.0.0.1').unref()
  const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true }) })
  return createServer((request, response) => proxy.web(request, response, { target: `http://127.0.0.1:${upstream.address().port}` }))
}
