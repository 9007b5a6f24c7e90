import { orAborted } from '@lameduck/core'
import { pause, within } from './abortable.ts'
import { countCommands, cutClient, isHoldingBack } from './client-internals.ts'
import type { RedisClient } from './redis-client.ts'
import { waitForStatus } from './wait-for-status.ts'

/** How long `end` may take after the server has answered QUIT, in ms. ioredis does not emit it in every state. */
const endMs = 250

/**
 * Lets every command finish, then closes the connection. Resolves when it is closed.
 *
 * @param reconnectMs how long commands that wait for a connection are given to get one
 * @throws the signal's reason when it aborts; an Error when commands had to be given up
 */
export async function closeClient(client: RedisClient, reconnectMs: number, signal: AbortSignal): Promise<void> {
  if (client.status === 'end') return
  if (client.status !== 'ready' && !(await becomesReady(client, reconnectMs, signal))) return
  await flushAutoPipelines(client, signal)
  await orAborted(client.quit(), signal)
  await waitForEnd(client, signal)
}

/** Not connected: with nothing queued there is nothing to wait for; else a reconnect may still come in time. */
async function becomesReady(client: RedisClient, reconnectMs: number, signal: AbortSignal): Promise<boolean> {
  const waiting = countCommands(client)
  if (waiting > 0 && client.status !== 'wait') {
    const wait = (signal: AbortSignal): Promise<string> => waitForStatus(client, ['ready', 'end'], signal)
    const status = await within(reconnectMs, '', signal, wait).catch(() => client.status)
    signal.throwIfAborted()
    if (status === 'ready') return true
  }
  const { status } = client
  const lost = countCommands(client)
  cutClient(client, new Error('the connection was closed: the service stops'))
  await waitForEnd(client, signal)
  if (lost > 0) throw new Error(`${lost} ${lost === 1 ? 'command was' : 'commands were'} given up: the client was still "${status}" after ${reconnectMs} ms`)
  return false
}

/** `QUIT` is never auto-pipelined and overtakes what is: 10 of 10 commands are lost without this. */
async function flushAutoPipelines(client: RedisClient, signal: AbortSignal): Promise<void> {
  while (isHoldingBack(client)) {
    signal.throwIfAborted()
    await pause(1, signal)
  }
}

async function waitForEnd(client: RedisClient, signal: AbortSignal): Promise<void> {
  try {
    await within(endMs, '', signal, (signal) => waitForStatus(client, ['end'], signal))
  } catch {
    signal.throwIfAborted()
    cutClient(client, new Error('the connection was closed: the service stops'))
  }
}
