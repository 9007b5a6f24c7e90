import { connect } from 'node:net'

/**
 * Writes three requests at once. What is behind an answer with `Connection: close` was not executed (RFC 9112 §9.6)
 * and goes out again on the next connection; everything else without an answer is lost.
 */
export function createSession(client) {
  let connection
  let count = 0
  return {
    async round() {
      let paths = [1, 2, 3].map(() => `/${client.id}-${(count += 1)}`)
      const verdicts = new Map(paths.map((path) => [path, deferred()]))
      const attempts = paths.map((path) =>
        client.attempt({ path }, async (attempt) => {
          const verdict = await verdicts.get(path).promise
          attempt.via(verdict)
          if (verdict.lost !== undefined) return attempt.lose('reset-before-headers', verdict.lost)
          client.record('answered', path)
        }),
      )
      while (paths.length > 0) {
        // A connection that was closed in an idle moment costs nothing.
        if (connection === undefined || connection.hasEnded()) connection = await open(client)
        const { localPort, send } = connection
        const { answered, announced, error } = await send(paths)
        for (const path of answered) verdicts.get(path).resolve({ localPort })
        paths = paths.filter((path) => !answered.includes(path))
        if (announced || error !== undefined) connection = undefined
        if (error === undefined) continue
        for (const path of paths) verdicts.get(path).resolve({ localPort, lost: error })
        paths = []
      }
      await Promise.all(attempts)
    },
    close: () => connection?.destroy(),
  }
}

async function open({ host, port }) {
  const socket = connect({ host, port, noDelay: true })
  // An exchange hears of it by `close`.
  socket.on('error', (error) => (socket.failure = error))
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
  return {
    localPort: socket.localPort,
    hasEnded: () => socket.destroyed || socket.readableEnded,
    send: (paths) => exchange(socket, paths),
    destroy: () => socket.destroy(),
  }
}

/** Resolves when every path has its answer, or no more can come. */
function exchange(socket, paths) {
  return new Promise((resolve) => {
    const answered = []
    let text = ''
    let announced = false
    socket.on('data', read)
    socket.on('close', end)
    if (socket.destroyed) return end()
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: proof\r\n\r\n`).join(''))

    function read(chunk) {
      text += chunk
      for (let match = nextAnswer(text); match !== undefined; match = nextAnswer(text)) {
        text = text.slice(match.length)
        answered.push(match.path)
        announced ||= match.announcesClose
      }
      if (answered.length === paths.length || announced) end()
    }

    function end() {
      socket.off('data', read)
      socket.off('close', end)
      if (announced) socket.destroy()
      const isOver = answered.length === paths.length || announced
      resolve({ answered, announced, error: isOver ? undefined : (socket.failure?.message ?? 'the connection ended without an answer') })
    }
  })
}

function nextAnswer(text) {
  const head = /^HTTP\/1\.1 200[^]*?\r\n\r\n/.exec(text)?.[0]
  if (head === undefined) return undefined
  const length = head.length + Number(/content-length: (\d+)/i.exec(head)[1])
  if (text.length < length) return undefined
  return { length, path: text.slice(head.length, length).split(' ')[0], announcesClose: /^connection: close/im.test(head) }
}

function deferred() {
  const result = {}
  result.promise = new Promise((resolve) => (result.resolve = resolve))
  return result
}
