/** Why one of the ways to get a server did not work; the message is part of a sentence. Anything else that is thrown is a defect. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

/** The last line of a program's output that says something: one line is what fits into a message. */
export function lastLine(output: string): string {
  const lines = output.split('\n').map((line) => line.trim()).filter((line) => line !== '')
  const telling = lines.findLast((line) => /fatal|error|cannot|could not|denied|not found|exception/i.test(line))
  return (telling ?? lines.at(-1) ?? 'no output').slice(0, 300)
}
