import { describe, expect, test } from 'vitest'
import type { Report } from '@lameduck/core'
import { versions } from './harness.ts'
import { runProgram } from './run-program.ts'
import { useServer } from './server-subjects.ts'

const { server } = useServer()

describe.each(versions)('a timer that nobody stops, and that uses a client of ioredis $version after its close', ({ alias }) => {
  test.each(['false', 'true'])('costs one line, and neither the exit code nor a stack trace (auto-pipelined: %s)', async (enableAutoPipelining) => {
    const service = runProgram(new URL('fixtures/heartbeat.mjs', import.meta.url), [server().url, alias, enableAutoPipelining])
    await service.printed(/^ready$/)
    service.terminate()
    const { code, lines, stderr } = await service.ended
    expect(code).toBe(0)
    const report = JSON.parse(lines.at(-1)!) as Report
    expect(report.result).toBe('unknown')
    expect(report.errors).toEqual([])
    const { refused = 0 } = report.steps.find(({ name }) => name === 'redis')?.work ?? {}
    expect(refused).toBeGreaterThan(3)
    expect(stderr).toBe(`lameduck: stopped on SIGTERM; redis was used ${refused} times after its close; all were refused (SET ×${refused})\n`)
  })
})
