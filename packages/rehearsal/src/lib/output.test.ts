import { PassThrough } from 'node:stream'
import { reportLine, type Report } from '@lameduck/core'
import { expect, it } from 'vitest'
import { parseReportLine, readOutput } from './output.ts'

const report: Report = {
  version: 1,
  reason: { kind: 'signal', signal: 'SIGTERM', interactive: false },
  cause: undefined,
  result: 'clean',
  exitCode: 0,
  startedAt: '2026-01-01T00:00:00.000Z',
  tookMs: 12,
  budgetMs: 29_000,
  budgetSource: 'the default grace period',
  from: 'ready',
  criticalPathMs: 100,
  scale: 1,
  steps: [],
  errors: [],
  warnings: [],
}

it("reads core's report line back", () => {
  expect(parseReportLine(reportLine(report))).toEqual(report)
})

it('takes nothing else for a report', () => {
  expect(parseReportLine('listening')).toBeUndefined()
  expect(parseReportLine('{"level":30,"msg":"lameduck report"}')).toBeUndefined()
  expect(parseReportLine('{"lameduck":"report","version":1')).toBeUndefined()
  expect(parseReportLine('{"lameduck":"report","version":2,"steps":[]}')).toBeUndefined()
})

it('keeps the last 200 lines of both streams, and the newest report of stdout', async () => {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const seen: string[] = []
  const output = readOutput({ stdout, stderr, elapsedMs: () => 5, onLine: (line) => seen.push(`${line.stream} ${line.text}`) })
  for (let line = 1; line <= 250; line++) stdout.write(`line ${line}\n`)
  stdout.end(`${reportLine({ ...report, tookMs: 99 })}\nwithout an end`)
  stderr.end(`${reportLine(report)}\n`)
  await output.ended
  expect(seen).toHaveLength(253)
  expect(output.lines).toHaveLength(200)
  expect(seen).toContain('stdout without an end')
  expect(output.report?.tookMs).toBe(99)
})

it('reads at most 16 MiB of a line, keeps 16,000 characters of it, and goes on behind it', async () => {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const seen: number[] = []
  const output = readOutput({ stdout, stderr, elapsedMs: () => 5, onLine: ({ text }) => seen.push(text.length) })
  for (let chunk = 0; chunk < 40; chunk++) stdout.write('x'.repeat(1_024 * 1_024))
  stdout.end('\nnext\r\n\nlast')
  stderr.destroy()
  await output.ended
  expect(seen).toEqual([16 * 1_024 * 1_024, 4, 0, 4])
  expect(output.lines.map(({ text }) => text.length)).toEqual([16_001, 4, 0, 4])
})
