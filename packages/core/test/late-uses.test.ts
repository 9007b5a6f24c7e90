import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Report } from '../src/lib/report/report.ts'
import { nodes } from './tools/nodes.ts'
import { outcomes, runProgram, term } from './tools/run-program.ts'

// Catches: a run that was not made and resolves, which a scheduler with a store takes for done.
describe.each(nodes)('$name: a scheduler that begins a run in the stop', (node) => {
  test('is refused, where it waits for it; nothing else is told', async () => {
    const { code, report, stdout, stderr } = await runProgram(node, 'late-runs', { on: { ready: term } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.slice(0, -1)).toEqual(['ready', 'awaited is closed, and kept'])
    expect(report).toMatchObject({ result: 'clean', errors: [], steps: ['dropped', 'awaited', 'wrapped', 'last'].map((name) => expect.objectContaining({ name })) })
  })
})

describe.each(nodes)('$name: a client that is used after its close', (node) => {
  test.each(['heartbeat', 'wrapped'])('costs one line, no failure and no stack, however often (%s)', async (how) => {
    const { code, report, stderr } = await runProgram(node, 'late-uses', { parameters: [how], on: { ready: term } })
    expect(code).toBe(0)
    expect(report).toMatchObject({ result: 'unknown', errors: [] })
    const [cache] = report?.steps ?? []
    expect(cache).toMatchObject({ name: 'cache', work: { failed: 0, cut: 0 } })
    expect(cache?.work?.refused).toBeGreaterThan(2)
    expect(stderr).toBe(`lameduck: stopped on SIGTERM; cache was used ${cache?.work?.refused} times after its close; all were refused (heartbeat ×${cache?.work?.refused})\n`)
  })

  // Catches: a clean report, though a client was used that counts nothing.
  test('makes the result unknown where the resource counts nothing', async () => {
    const { code, report, stderr } = await runProgram(node, 'late-uses', { parameters: ['uncounted'], on: { ready: term } })
    expect({ code, result: report?.result, exitCode: report?.exitCode }).toEqual({ code: 0, result: 'unknown', exitCode: 0 })
    const refused = report?.steps[0]?.work?.refused ?? 0
    expect(refused).toBeGreaterThan(2)
    expect(report?.steps[0]).toMatchObject({ name: 'cache', work: { done: 0, failed: 0, cut: 0, refused, unknown: 0 } })
    expect(stderr).toBe(`lameduck: stopped on SIGTERM; cache was used ${refused} times after its close; all were refused (heartbeat ×${refused})\n`)
  })

  test('is work that was cut where the resource does not count that', async () => {
    const { code, report, stderr } = await runProgram(node, 'late-uses', { parameters: ['uncounted cut'], on: { ready: term } })
    expect({ code, outcomes: outcomes(report) }).toEqual({ code: 71, outcomes: ['cache forced', 'spans drained'] })
    expect(report).toMatchObject({ result: 'forced', errors: [], steps: [{ work: { cut: 100 } }, {}] })
    expect(stderr).toBe('lameduck: stopped on SIGTERM; work may be lost: cache was forced, 100 cut\n')
  })

  test('makes the result unknown where no step has its name, and one line names it', async () => {
    const { code, report, stderr } = await runProgram(node, 'late-uses', { parameters: ['stray'], on: { ready: term } })
    expect({ code, result: report?.result }).toEqual({ code: 0, result: 'unknown' })
    expect(outcomes(report)).toEqual([expect.stringMatching(/^other (idle|drained)$/), 'spans drained'])
    expect(report?.warnings).toEqual(['"cache" was used after its close (heartbeat), and no step of this stop has that name: nobody counts what is lost. Add it to the lifecycle.'])
    expect(stderr.split('\n')[0]).toBe(`lameduck: warning: ${report?.warnings[0]}`)
  })

  test('is told of by the lifecycle whose it is, and by no other', async () => {
    const { stdout, stderr } = await runProgram(node, 'late-uses', { parameters: ['two lifecycles'], on: { ready: term } })
    const reports = stdout.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Report)
    expect(reports.map(({ result, steps }) => [steps[0]?.name, result])).toEqual([['queue', 'clean'], ['cache', 'unknown']])
    expect(stderr).not.toContain('warning')
  })

  test('does not hide a failure of the service', async () => {
    const { code, report, stderr } = await runProgram(node, 'late-uses', { parameters: ['failure'], on: { ready: term } })
    expect({ code, errors: report?.errors }).toEqual({ code: 72, errors: ['unhandledRejection: a failure of its own'] })
    expect(stderr.match(/^lameduck: unhandledRejection while stopping/gm)).toHaveLength(1)
  })

  test('and a hundred calls that are cut cost one line, too', async () => {
    const { code, report, stderr } = await runProgram(node, 'late-uses', { parameters: ['cut'], on: { ready: term } })
    expect(code).toBe(71)
    expect(outcomes(report)).toEqual(['cache forced', 'spans drained'])
    expect(report).toMatchObject({ errors: [], steps: [{ work: { cut: 100 } }, {}] })
    const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('lameduck: still waiting'))
    expect(lines).toEqual([expect.stringMatching(/^lameduck: stopped on SIGTERM; work may be lost: cache was forced, 100 in flight/)])
  })
})

describe.each(nodes)('$name: work of which nobody can tell', (node) => {
  test('is told on stderr and in the termination message, and is no failure', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lameduck-unknown-'))
    const file = join(folder, 'message')
    const { code, report, stderr } = await runProgram(node, 'tells-nothing', { parameters: [file], on: { ready: term } })
    expect({ code, result: report?.result, exitCode: report?.exitCode }).toEqual({ code: 0, result: 'unknown', exitCode: 0 })
    expect(stderr).toBe('lameduck: stopped on SIGTERM; broker: it is not known whether 3 pieces of work were finished (no acknowledgement (acks 0) (×3))\n')
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ lameduck: 'stopped', result: 'unknown', exitCode: 0, steps: [{ name: 'broker', outcome: 'unknown', work: { unknown: 3 } }] })
    await rm(folder, { recursive: true })
  })

  test('has an exit code of its own where one is set', async () => {
    const { code } = await runProgram(node, 'tells-nothing', { parameters: [join(tmpdir(), `lameduck-unknown-${process.pid}`), '75'], on: { ready: term } })
    expect(code).toBe(75)
    await rm(join(tmpdir(), `lameduck-unknown-${process.pid}`))
  })
})
