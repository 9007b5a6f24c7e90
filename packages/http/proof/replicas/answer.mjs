/** Calls back after 0 to 20 ms of work, unless WORK_MS says otherwise. */
export function work(done) {
  setTimeout(() => done(), Math.random() * Number(process.env.WORK_MS ?? 20))
}

/** Answers GET, and POST when the body has the length that `x-length` says. RAN=1 tells each request that it runs. */
export function answer(request, response) {
  if (process.env.RAN === '1') process.stdout.write(`ran ${request.url}\n`)
  let length = 0
  request.on('data', (chunk) => (length += chunk.length))
  request.once('end', () =>
    work(() => {
      if (length !== Number(request.headers['x-length'] ?? 0)) response.statusCode = 400
      response.end(`${request.url} ${length}\n`)
    }),
  )
}
