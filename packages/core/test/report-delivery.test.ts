import { describe, expect, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { runProgram, term } from './tools/run-program.ts'

const refused = /^lameduck: the report could not be written: (Error: )?the collector said no\n$/

describe.each(nodes)('$name: the report', (node) => {
  test.each(['promise', 'thenable', 'realm'])('is waited for until its receiver has it (%s)', async (how) => {
    const { code, stdout, stderr } = await runProgram(node, 'sends-report', { parameters: [how], on: { ready: term } })
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: ['ready', 'sent clean'], stderr: '' })
  })

  test.each(['rejects', 'realm rejects', 'throws'])('that its receiver does not take is told, and is on stdout (%s)', async (how) => {
    const { code, report, stderr } = await runProgram(node, 'sends-report', { parameters: [how], on: { ready: term } })
    expect({ code, result: report?.result }).toEqual({ code: 0, result: 'clean' })
    expect(stderr).toMatch(refused)
  })

  test('is waited for within its bound', async () => {
    const { code, report, stderr } = await runProgram(node, 'sends-report', { parameters: ['hangs', '300'], on: { ready: term } })
    expect({ code, stderr, result: report?.result }).toEqual({ code: 0, stderr: 'lameduck: the report could not be written: onReport had not finished after 300 ms\n', result: 'clean' })
  })

  test('that hangs after a stop that has used up its time does not keep the process until SIGKILL', async () => {
    let signalledAt = 0
    const { code, stderr } = await runProgram(node, 'sends-report', { parameters: ['cut', '60000'], on: { ready: (child) => (term(child), (signalledAt = performance.now())) } })
    // Not the watchdog's 70: there was time for the exit.
    expect(code).toBe(71)
    expect(stderr).toMatch(/the report could not be written: onReport had not finished after [12]\d\d ms\n$/)
    expect(performance.now() - signalledAt).toBeLessThan(3_000)
  })

  // Catches: exit code 0 of a process in which an error broke work off, since the report had been made.
  test('that says clean does not decide about an error that comes after it', async () => {
    const { code, stdout, stderr } = await runProgram(node, 'sends-report', { parameters: ['fails later'], on: { ready: term } })
    expect({ code, stdout }).toEqual({ code: 72, stdout: ['ready', 'sent clean'] })
    expect(stderr).toMatch(/^lameduck: unhandledRejection while stopping: Error: too late\n/)
    expect(stderr).toMatch(/\nlameduck: this error came when the report was made, which says clean: work may be lost, so the stop counts as failed \(exit code 72\)\n$/)
  })

  test('is lost when somebody ends the process meanwhile, which is told', async () => {
    const { code, stderr } = await runProgram(node, 'sends-report', { parameters: ['is overtaken'], on: { ready: term } })
    expect(code).toBe(9)
    expect(stderr).toMatch(/^lameduck: process\.exit\(9\) was called by .*sends-report\.mjs:\d+:\d+\)? before the report was delivered, which may be lost\. Leave the exit to lameduck\.\n$/)
  })

  test('has the same time for listeners of its event', async () => {
    const told = await runProgram(node, 'sends-report', { parameters: ['listener', '700'], on: { ready: term } })
    expect(told.stdout).toContain('counted')
    const hangs = await runProgram(node, 'sends-report', { parameters: ['listener hangs', '200'], on: { ready: term } })
    expect(hangs.code).toBe(0)
    expect(hangs.stderr).toContain('a listener of an event of the stop, or of lifecycle.stopping or draining, had not finished after 200 ms; the process does not wait any longer')
  })

  test('of a lifecycle that ended first is waited for by the last', async () => {
    const { code, stdout } = await runProgram(node, 'sends-two-reports', { on: { ready: term } })
    expect({ code, stdout }).toEqual({ code: 0, stdout: ['ready', 'second sent', 'first sent'] })
  })

  test.each(['at once', 'while it is sent'])('may end the binding (%s), and then the process is not ended', async (when) => {
    const { code, stdout, stderr } = await runProgram(node, 'unbinds-at-report', { parameters: [when] })
    expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: ['still here'], stderr: '' })
  })
})
