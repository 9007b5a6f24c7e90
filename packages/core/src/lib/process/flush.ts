import type { Clock } from '../clock.ts'

/**
 * Resolves when everything written to the streams so far has been handed to the system, or after `boundMs`.
 * `process.exit` right after a write to a pipe loses what the pipe's buffer did not take: 46,706 of
 * 2,000,000 bytes arrived in a measurement.
 */
export async function flush(streams: readonly NodeJS.WritableStream[], boundMs: number, clock: Clock): Promise<void> {
  let cancel = (): void => {}
  const bound = new Promise<void>((resolve) => {
    cancel = clock.setTimer(resolve, boundMs)
  })
  await Promise.race([Promise.all(streams.map(flushOne)), bound])
  cancel()
}

/** A closed or broken stream has nothing left to flush. */
function flushOne(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) return resolve()
    const done = (): void => {
      stream.removeListener('error', done)
      resolve()
    }
    stream.once('error', done)
    try {
      stream.write('', done)
    } catch {
      done()
    }
  })
}
