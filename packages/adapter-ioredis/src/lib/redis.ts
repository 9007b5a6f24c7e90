import { requireMs, type Resource } from '@lameduck/core'
import { createCheck } from './check-client.ts'
import { canFlush, countCommands, cutClient, describeCommands } from './client-internals.ts'
import { closeClient } from './close-client.ts'
import { createStart } from './start-client.ts'
import type { RedisClient } from './redis-client.ts'
import { stepTimes, type StepTimes } from './step-times.ts'

export interface RedisOptions extends StepTimes {
  /** Unique in one lifecycle. @default 'redis' */
  readonly name?: string
  /** Longest time for the PING of a readiness check, in ms. @default 1000 */
  readonly checkTimeoutMs?: number
  /** How long commands that wait for a lost connection are given, when the client drains, to get it back, in ms. @default 1000 */
  readonly reconnectMs?: number
}

/**
 * An ioredis client for commands, single or Cluster. It serves until everything that uses it has stopped (phase
 * `connections`); then its commands finish and it quits, or it is cut.
 *
 * The client is taken over: do not call `quit` or `disconnect` on it yourself. Connections that block (BLPOP, XREAD
 * BLOCK) or subscribe belong to `blockingRedis`.
 *
 * @throws LifecycleError `invalid-option`
 */
export function redis(client: RedisClient, options: RedisOptions = {}): Resource {
  const { name = 'redis' } = options
  const checkTimeoutMs = requireMs(options.checkTimeoutMs ?? 1_000, 'redis checkTimeoutMs', 1)
  const reconnectMs = requireMs(options.reconnectMs ?? 1_000, 'redis reconnectMs')
  let draining: Promise<void> | undefined
  return {
    name,
    phase: 'connections',
    ...stepTimes(options, 'redis'),
    warnings: listWarnings(client),
    start: createStart(client),
    check: createCheck(client, checkTimeoutMs),
    inFlight: () => countCommands(client),
    waitingFor: () => describeCommands(client),
    drain: ({ signal }) => (draining ??= closeClient(client, reconnectMs, signal)),
    force: () => cutClient(client, new Error('the command was cut: the service stops')),
  }
}

function listWarnings(client: RedisClient): string[] {
  const warnings: string[] = []
  if ((client.options as { maxRetriesPerRequest?: unknown }).maxRetriesPerRequest === null) {
    warnings.push('maxRetriesPerRequest is null: while Redis is away, commands wait without end and whoever awaits them cannot drain. Set it to a number (ioredis has 20).')
  }
  if (!canFlush(client)) {
    warnings.push('this client has no flushQueue: a cut cannot settle the commands that wait for a connection. Use ioredis 5.4 or later.')
  }
  return warnings
}
