/** A listener that is known by what its source says: names do not survive a bundler, but texts and properties do. */
interface KnownListener {
  readonly owner: string
  readonly sign: RegExp
  /** What to do about it, as an imperative sentence without its period. */
  readonly cure: string
  /** Nothing else sends what an SDK has collected: adopted, it runs whatever ends the process. */
  readonly flushes?: boolean
}

const adopt = "let lameduck run it in time: bindProcess(lifecycle, { otherListeners: 'adopt' })"

/** `docs/other-signal-listeners.md` says what each of them does, and what was measured. */
const known: readonly KnownListener[] = [
  { owner: 'Apollo Server', sign: /stop\(\) threw during/, cure: "pass stopOnTerminationSignals: false to new ApolloServer(), and call its stop() in the drain of a resource of the phase 'work'" },
  { owner: "OpenTelemetry's register preload", sign: /OpenTelemetry SDK terminated/, flushes: true, cure: `${adopt}, or preload a file of your own that starts the SDK, and shut it down in a resource of the phase 'telemetry'` },
  { owner: 'close-with-grace (which fastify-cli uses)', sign: /\brun\(\{\s*signal\b/, cure: `start the application with node and a file of your own, without it, or ${adopt}` },
  { owner: '@godaddy/terminus', sign: /error happened during shutdown/, cure: 'take httpServer() of @lameduck/http in its place' },
  { owner: 'http-graceful-shutdown', sign: /received repeated shut down signal/, cure: 'take httpServer() of @lameduck/http in its place' },
  { owner: 'graphile-worker', sign: /attempting global (?:graceful|forceful) shutdown/, cure: "pass noHandleSignals: true to run(), and call runner.stop() in the drain of a resource with drainFrom: 'signal'" },
  { owner: 'lightship', sign: /received a shutdown signal/, cure: 'pass signals: [] to createLightship(), and do what its shutdown handlers do in the drain of a resource' },
  { owner: 'NestJS', sign: /ERROR_DURING_SHUTDOWN/, cure: 'do not call enableShutdownHooks(): nestApp() of @lameduck/adapter-nest runs the hooks' },
  { owner: 'Next.js', sign: /start-server process cleanup/, cure: 'set NEXT_MANUAL_SIG_HANDLE=1' },
  { owner: 'node-graceful', sign: /\.onDeadlyEvent\(/, cure: `do what its listeners do in the drain of a resource, or ${adopt}` },
  { owner: 'async-exit-hook', sign: /eventFilters/, cure: `do what its hooks do in the drain of a resource, or ${adopt}` },
]

/** Of a listener of a signal that nothing is known of. */
const usualCure = `do what it does in the drain of a resource and remove it, or ${adopt}`

export function knownListener(source: string): Pick<KnownListener, 'owner' | 'cure' | 'flushes'> | undefined {
  return known.find(({ sign }) => sign.test(source))
}

/** Who it is and what to do about it, for a listener of a signal. */
export function ownerAndCure(source: string): { readonly owner: string | undefined; readonly cure: string } {
  const found = knownListener(source)
  return { owner: found?.owner, cure: found?.cure ?? usualCure }
}

/**
 * Whether it leaves the end of the process to the others, where there are others: it asks who else listens, and does nothing unless it is alone.
 * So do signal-exit (in execa and a hundred more), Sentry and pm2.
 */
export function yieldsToOthers(source: string): boolean {
  return /\.\s*(?:listeners|listenerCount)\s*\(/.test(source)
}
