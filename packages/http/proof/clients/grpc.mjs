import { readFileSync } from 'node:fs'
import { Client, credentials, Metadata } from '@grpc/grpc-js'

const path = '/orders.Orders/Place'
const asIs = (value) => value

/** A channel of its own with the defaults of @grpc/grpc-js, which repeats calls that the server refused before it ran them. */
export function createSession(client) {
  const secure = process.env.TLS === '1'
  const trust = secure ? credentials.createSsl(readFileSync(new URL('../replicas/localhost.pem', import.meta.url))) : credentials.createInsecure()
  const channel = new Client(`${client.host}:${client.port}`, trust, { 'grpc.use_local_subchannel_pool': 1 })
  return {
    round: async () => void (await Promise.all([1, 2].map(() => client.attempt({ method: 'POST', path }, () => call(channel))))),
    close: () => channel.close(),
  }
}

function call(channel) {
  return new Promise((resolve, reject) => {
    channel.makeUnaryRequest(path, asIs, asIs, Buffer.from('tea'), new Metadata(), {}, (error, answer) => {
      if (error) reject(error)
      else if (String(answer) !== 'done') reject(new Error(`the answer is ${String(answer)}`))
      else resolve()
    })
  })
}
