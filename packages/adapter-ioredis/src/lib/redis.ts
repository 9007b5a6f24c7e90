import { cutError, requireMs, requireOptions, type Resource } from '@lameduck/core'
import { createCheck } from './check-client.ts'
import { listWarnings } from './client-warnings.ts'
import { closeClient } from './close-client.ts'
import { countCommands, describeCommands, kindOf } from './commands-of.ts'
import { cutClient } from './cut-client.ts'
import type { RedisClient } from './redis-client.ts'
import { requireClient } from './require-client.ts'
import { createStart } from './start-client.ts'
import { stepOptionNames, stepOptions, type StepOptions } from './step-options.ts'
import { trackCommands } from './track-commands.ts'
import { trackConnections } from './track-connections.ts'
import { watchEnd } from './watch-end.ts'

export interface RedisOptions extends StepOptions {
  /** Unique in one lifecycle. @default 'redis' */
  readonly name?: string
  /** Longest time for the question of a readiness check, in ms. @default 1000 */
  readonly checkTimeoutMs?: number
  /** How long commands that wait for a lost connection are given, when the client drains, to get it back, in ms. @default 1000 */
  readonly reconnectMs?: number
}

/**
 * An ioredis client for commands: single, by Sentinel, or a Cluster. It serves until everything that uses it has stopped (phase
 * `connections`); then its commands finish and it quits, or it is cut. `waitingFor` tells sent commands from those that were not.
 *
 * Register it in the tick in which it is made. The client is taken over: do not call `quit` or `disconnect` on it yourself. Connections
 * that block (BLPOP, XREAD BLOCK) or subscribe belong to `blockingRedis`; what `duplicate()` and `monitor()` return is a client of its own.
 *
 * @throws LifecycleError `invalid-resource` when `client` is none of ioredis, `invalid-option`
 */
export function redis(client: RedisClient, options: RedisOptions = {}): Resource {
  requireClient(client, 'redis')
  requireOptions(options, { ...stepOptionNames, name: true, checkTimeoutMs: true, reconnectMs: true }, 'redis()')
  const { name = 'redis', phase = 'connections' } = options
  const checkTimeoutMs = requireMs(options.checkTimeoutMs ?? 1_000, 'redis checkTimeoutMs', 1)
  const reconnectMs = requireMs(options.reconnectMs ?? 1_000, 'redis reconnectMs')
  trackConnections(client)
  const commands = trackCommands(client, name)
  let draining: Promise<void> | undefined
  return {
    name,
    phase,
    ...stepOptions(options, 'redis'),
    get warnings() {
      return listWarnings(client, 'commands')
    },
    start: createStart(client, name),
    check: createCheck(client, checkTimeoutMs),
    watch: (ended) => watchEnd(client, ended),
    quiesce: () => commands.begin(),
    inFlight: () => countCommands(client),
    waitingFor: () => describeCommands(client),
    tally: () => commands.read(),
    drain: ({ signal }) => (draining ??= closeClient({ client, name, commands, reconnectMs, signal })),
    force() {
      commands.begin()
      commands.cut()
      cutClient(client, (command) => cutError(name, kindOf(command)))
      commands.close()
    },
  }
}
