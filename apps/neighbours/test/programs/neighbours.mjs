/** Each begins to listen to signals as its own page says, and is told to call `clean` at the end. */
export const neighbours = {
  async apollo({ clean }) {
    const { ApolloServer } = await import('@apollo/server')
    const apollo = new ApolloServer({ typeDefs: 'type Query { a: Int }', plugins: [{ serverWillStart: async () => ({ serverWillStop: clean }) }] })
    await apollo.start()
  },
  async 'close-with-grace'({ clean }) {
    const { default: closeWithGrace } = await import('close-with-grace')
    closeWithGrace({ delay: 5_000 }, clean)
  },
  async terminus({ server, clean }) {
    const { createTerminus } = await import('@godaddy/terminus')
    createTerminus(server, { onSignal: clean, timeout: 5_000, logger: console.error })
  },
  async 'http-graceful-shutdown'({ server, clean }) {
    const { default: gracefulShutdown } = await import('http-graceful-shutdown')
    gracefulShutdown(server, { onShutdown: clean, timeout: 5_000 })
  },
  async lightship({ clean }) {
    const { createLightship } = await import('lightship')
    const lightship = await createLightship({ port: 0 })
    lightship.registerShutdownHandler(clean)
  },
  async 'exit-hook'({ clean }) {
    const { asyncExitHook } = await import('exit-hook')
    asyncExitHook(clean, { wait: 3_000 })
  },
  async 'async-exit-hook'({ clean }) {
    const { default: exitHook } = await import('async-exit-hook')
    // It tells a hook that takes a callback by its number of parameters.
    exitHook(async (done) => {
      await clean()
      done()
    })
  },
  async 'node-graceful'({ clean }) {
    const { default: module } = await import('node-graceful')
    const Graceful = module.default ?? module
    Graceful.on('exit', clean)
  },
  async 'signal-exit'() {
    const { onExit } = await import('signal-exit')
    onExit(() => console.log('signal-exit heard of the exit'))
  },
  async 'signal-exit-3'() {
    const { default: onExit } = await import('signal-exit-3')
    onExit(() => console.log('signal-exit heard of the exit'))
  },
  async execa() {
    const { execa } = await import('execa')
    const child = execa('sleep', ['30'])
    child.catch(() => {})
  },
  async sentry() {
    const Sentry = await import('@sentry/node')
    Sentry.init({ dsn: 'http://key@127.0.0.1:9/1', transport: () => ({ send: async () => ({}), flush: async () => true }) })
  },
}
