import { stripVTControlCharacters } from 'node:util'

/** Why one of the ways to get a server did not work; the message is part of a sentence. Anything else that is thrown is a defect. */
export class Unavailable extends Error {
  override readonly name: string = 'Unavailable'
}

/** Somebody else took the port between finding it free and listening on it. */
export class PortTaken extends Unavailable {
  override readonly name: string = 'PortTaken'
}

const telling = /fatal|error|cannot|could not|denied|not found|exception|no space|read-only/i

/** The line of a program's output that says most, since one line is what fits into a message. */
export function tellingLine(output: string, which: 'first' | 'last'): string {
  const lines = stripVTControlCharacters(output).split('\n').map((line) => line.trim()).filter((line) => line !== '')
  const line = (which === 'first' ? lines.find((each) => telling.test(each)) : lines.findLast((each) => telling.test(each))) ?? lines.at(-1) ?? 'it wrote nothing'
  // The cause of a long one stands at its end.
  return (line.length <= 300 ? line : `${line.slice(0, 120)} … ${line.slice(-170)}`).replace(/\.+$/, '')
}

/** What a program that failed wrote about it, and whether it looks like a missing network. */
export function failureOf(output: string): string {
  const noNetwork = /EAI_AGAIN|ENOTFOUND|ENETUNREACH|ECONNREFUSED|ETIMEDOUT|could not resolve|temporary failure|unknown host|failed to (fetch|download)/i.test(output)
  return `${tellingLine(output, 'first')}${noNetwork ? ' (is there a network?)' : ''}`
}

/** The message of what was thrown; clients of servers throw errors with a code alone, too. */
export function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || ('code' in error ? String(error.code) : error.name)
}
