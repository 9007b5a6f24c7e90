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
  const lines = output.split('\n').map((line) => line.trim()).filter((line) => line !== '')
  const found = which === 'first' ? lines.find((line) => telling.test(line)) : lines.findLast((line) => telling.test(line))
  return (found ?? lines.at(-1) ?? 'it wrote nothing').slice(0, 300)
}

/** The message of what was thrown; clients of servers throw errors with a code alone, too. */
export function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || ('code' in error ? String(error.code) : error.name)
}
