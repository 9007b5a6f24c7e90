import * as fs from 'node:fs'
import { describeError } from '../describe-value.ts'
import { writeTerminationMessage } from './write-termination-message.ts'

/** Where Kubernetes reads a container's last words from, unless its manifest says otherwise. */
const usualPath = '/dev/termination-log'

/** Kubelet reads no more, and cuts from the front. */
export const longestMessage = 4_096

/** Changes that are told one by one in one turn of the event loop; a service of a thousand resources has more. */
const mostPerTurn = 10

/**
 * The file for the termination message, or nothing where there is none: the usual one exists only in Kubernetes. One that was
 * asked for is made.
 *
 * @param onUnusable called with the reason when one that was asked for cannot be written
 */
export function terminationMessageFile(wanted: string | false | undefined, onUnusable: (why: string) => void): string | undefined {
  if (wanted === false) return undefined
  if (wanted === undefined) return isFile(usualPath) ? usualPath : undefined
  try {
    // Without waiting: a FIFO would wait for somebody to read it.
    fs.closeSync(fs.openSync(wanted, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NONBLOCK))
    if (isFile(wanted)) return wanted
    onUnusable(`the termination message cannot be written: ${wanted} is no file`)
    return undefined
  } catch (error) {
    onUnusable(`the termination message cannot be written: ${describeError(error)}`)
    return undefined
  }
}

/** The permission model may forbid the look. */
function isFile(path: string): boolean {
  try {
    return fs.statSync(path).isFile()
  } catch {
    return false
  }
}

/**
 * Returns what to call after every change. It tells at once, so that what was told is right even if the
 * next thing that happens is a blocked event loop or SIGKILL; only what comes after the first 10 changes of one turn waits for the
 * end of the turn.
 */
export function keepTold(tell: () => void): () => void {
  let told = 0
  let isBehind = false
  const endOfTurn = (): void => {
    told = 0
    if (isBehind) tell()
    isBehind = false
  }
  return () => {
    if (told === 0) setImmediate(endOfTurn)
    told += 1
    if (told <= mostPerTurn) tell()
    else isBehind = true
  }
}

/** Replaces the message. */
export function tellTerminationMessage(file: string, text: string): void {
  writeTerminationMessage(fs, file, text)
}
