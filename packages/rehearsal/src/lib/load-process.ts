import { pathToFileURL } from 'node:url'
import type { CreateSession, Session } from './client.ts'
import { describeWithStack } from './describe-error.ts'
import { driveLoad } from './drive-load.ts'
import type { LoadCommand, LoadMessage } from './load-message.ts'

/** How often the running totals are told, in ms. */
const countPeriodMs = 250

/*
 * The program of the load's own process: the clients must neither wait for the front's event loop nor slow it
 * down. It is started by `startLoad`, talks over IPC, and ends when its owner does.
 */
process.on('disconnect', () => process.exit(1))
process.once('message', (message: LoadCommand) => {
  if (message.type === 'start') run(message).catch(fail)
})

async function run(command: Extract<LoadCommand, { type: 'start' }>): Promise<void> {
  const createSession = command.load.script === undefined ? undefined : await importScript(command.load.script)
  tell({ type: 'loaded' })
  const load = driveLoad(command, createSession, tell)
  const timer = setInterval(() => tell({ type: 'counted', counts: load.counts() }), countPeriodMs)
  process.on('message', (message: LoadCommand) => {
    if (message.type === 'stop') load.stop()
  })
  const result = await load.finished
  clearInterval(timer)
  tell({ type: 'counted', counts: load.counts() })
  tell({ type: 'done', result })
}

async function importScript(script: string): Promise<CreateSession> {
  const { session, createSession } = (await import(pathToFileURL(script).href)) as { session?: unknown; createSession?: unknown }
  if (typeof session === 'function' && typeof createSession === 'function') throw new Error(`${script} exports both session and createSession; it must export one of them`)
  if (typeof createSession === 'function') return createSession as CreateSession
  if (typeof session === 'function') return (client) => ({ round: async () => requireNoSession(await (session as Session)(client), script) })
  throw new Error(`${script} must export a function called session or createSession`)
}

/** What only `createSession` returns, returned by `session`: its rounds would never run. */
function requireNoSession(returned: unknown, script: string): void {
  if (typeof (returned as { round?: unknown } | undefined | null)?.round !== 'function') return
  throw new TypeError(`session of ${script} returned an object with a function round; export it as createSession, which is called once for each client`)
}

function fail(error: unknown): void {
  tell({ type: 'failed', message: describeWithStack(error) })
}

function tell(message: LoadMessage): void {
  process.send?.(message)
}
