import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const { jobs } = loadPackageDefinition(loadSync(new URL('../hybrid/jobs.proto', import.meta.url).pathname))

export function createSession({ host, port, attempt }) {
  // A channel of its own for each client: by default they share one.
  const client = new jobs.Jobs(`${host}:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  return {
    async round() {
      await attempt({ method: 'gRPC', path: 'Slow' }, ({ lose }) => new Promise((resolve, reject) => {
        client.slow({ text: 'it' }, (error, answer) => {
          if (error) return reject(error)
          if (answer.text !== 'open') lose('bad-status', answer.text)
          resolve()
        })
      }))
    },
    close: () => client.close(),
  }
}
