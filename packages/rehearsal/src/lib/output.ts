import type { Readable } from 'node:stream'
import { createInterface } from 'node:readline'
import type { Report } from '@lameduck/core'
import type { OutputLine } from './rehearsal-options.ts'

/** How many lines are kept per process. */
const keptLines = 200

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

  async function read(stream: 'stdout' | 'stderr'): Promise<void> {
    const reader = createInterface({ input: options[stream], crlfDelay: Infinity })
    reader.on('line', (text) => {
      const line: OutputLine = { atMs: options.elapsedMs(), stream, text }
      if (lines.push(line) > keptLines) lines.shift()
      if (stream === 'stdout') report = parseReportLine(text) ?? report
      options.onLine(line)
    })
    await new Promise<void>((resolve) => reader.once('close', resolve))
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
