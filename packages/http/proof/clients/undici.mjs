import { buildConnector, Client } from 'undici'

/** One connection of undici's own, which repeats nothing. */
export function createSession(client) {
  const connect = buildConnector({})
  let socket
  const connection = new Client(client.url, {
    connect: (options, done) =>
      connect(options, (error, connected) => {
        socket = connected
        done(error, connected)
      }),
  })
  return {
    async round() {
      await client.attempt({ path: '/' }, async (attempt) => {
        attempt.via(socket)
        const answer = connection.request({ method: 'GET', path: '/', signal: attempt.signal })
        const { statusCode, body } = await answer.catch((error) => {
          attempt.via(socket)
          throw error
        })
        await body.text()
        if (statusCode !== 200) attempt.lose('bad-status', `HTTP ${statusCode}`)
      })
    },
    close: () => connection.destroy(),
  }
}
