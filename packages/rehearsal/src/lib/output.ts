import type { Readable } from 'node:stream'
import type { Report } from '@lameduck/core'
import type { OutputLine } from './rehearsal-options.ts'

/** How many lines are kept per process. */
const keptLines = 200

/** Longest line that is read, in characters; the rest of a longer one is passed over. A report of 20,000 resources has some millions. */
const longestLine = 16 * 1_024 * 1_024

/** Longest text of a line that is kept, in characters. */
const longestKept = 16_000

/** What a child process has written: the last lines, and lameduck's report if there was one. */
export interface Output {
  readonly lines: readonly OutputLine[]
  readonly report: Report | undefined
  /** Both streams have ended. */
  readonly ended: Promise<void>
}

export interface OutputOptions {
  readonly stdout: Readable
  readonly stderr: Readable
  /** ms after the rehearsal began. */
  readonly elapsedMs: () => number
  readonly onLine: (line: OutputLine) => void
}

export function readOutput(options: OutputOptions): Output {
  const lines: OutputLine[] = []
  let report: Report | undefined
  const ended = Promise.all([read('stdout'), read('stderr')]).then(() => {})
  return {
    lines,
    get report() {
      return report
    },
    ended,
  }

  function read(stream: 'stdout' | 'stderr'): Promise<void> {
    return readLines(options[stream], (text) => {
      const line: OutputLine = { atMs: options.elapsedMs(), stream, text }
      if (lines.push({ ...line, text: text.length > longestKept ? `${text.slice(0, longestKept)}…` : text }) > keptLines) lines.shift()
      if (stream === 'stdout') report = parseReportLine(text) ?? report
      options.onLine(line)
    })
  }
}

/** Tells every line; resolves when the stream has closed. Node's own reader keeps a line without an end for as long as it grows. */
function readLines(stream: Readable, onLine: (text: string) => void): Promise<void> {
  let pending = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    for (const [index, part] of chunk.split('\n').entries()) {
      if (index > 0) tell()
      pending += part.slice(0, longestLine - pending.length)
    }
  })
  stream.on('error', () => {})
  return new Promise((resolve) => {
    stream.once('close', () => {
      if (pending !== '') tell()
      resolve()
    })
  })

  function tell(): void {
    const line = pending.endsWith('\r') ? pending.slice(0, -1) : pending
    pending = ''
    onLine(line)
  }
}

/** The report, if the line is one as core's `reportLine` writes it. */
export function parseReportLine(text: string): Report | undefined {
  if (!text.startsWith('{"lameduck":"report"')) return undefined
  try {
    const { lameduck, ...report } = JSON.parse(text) as Report & { lameduck: unknown }
    return lameduck === 'report' && report.version === 1 && Array.isArray(report.steps) ? report : undefined
  } catch {
    return undefined
  }
}
