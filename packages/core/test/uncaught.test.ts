import { describe, expect, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { runProgram, term } from './tools/run-program.ts'

describe.each(nodes)('$name: the service’s own listener for uncaught errors', (node) => {
  test.each([
    ['a listener', /\(function logAndGoOn\)/],
    ['a later listener', /\(function logAndGoOn, added by .*uncaught\.mjs:\d+:\d+\)?\)/],
  ])('does not decide, which is said (%s)', async (who, named) => {
    const { code, stdout, stderr, report } = await runProgram(node, 'uncaught', { parameters: [who] })
    expect(code).toBe(1)
    expect(stdout.slice(0, 2)).toEqual(['logged before', 'logged in the stop'])
    expect(report?.reason).toMatchObject({ kind: 'fatal', error: { message: 'before' } })
    const [warning = ''] = stderr.split('\n')
    expect(warning).toMatch(named)
    expect(warning).toMatch(/^lameduck: warning: another listener for uncaughtException hears of the error, but does not decide: lameduck stops the service \(/)
    expect(warning).toMatch(/\)\. Remove it, or let it decide: bindProcess\(lifecycle, \{ onUncaught: 'leave' \}\)$/)
  })

  test.each(['exception', 'rejection'])('decides where they are left to it, and what comes in the stop is counted (%s)', async (kind) => {
    const { code, stdout, stderr, report } = await runProgram(node, 'uncaught', { parameters: ['a listener', kind, 'leave'], on: { ready: term } })
    expect(code).toBe(72)
    expect(stdout.slice(0, -1)).toEqual(['logged before', 'ready', 'logged in the stop', 'db drained'])
    const origin = kind === 'exception' ? 'uncaughtException' : 'unhandledRejection'
    expect(report).toMatchObject({ reason: { kind: 'signal' }, result: 'failed', errors: [`${origin}: in the stop`] })
    expect(stderr).toContain(`${origin} while stopping: Error: in the stop`)
    expect(stderr).not.toContain('warning')
  })

  test('is not there, and they are left: then Node ends the process', async () => {
    const { code, report, stdout, stderr } = await runProgram(node, 'uncaught', { parameters: ['nobody', 'exception', 'leave'] })
    expect({ code, report, stdout }).toEqual({ code: 1, report: undefined, stdout: [] })
    expect(stderr).toContain('Error: before')
  })
})

describe.each(nodes)('$name: what others take never begins a stop, and is counted in one:', (node) => {
  test('rejections that the service listens to', async () => {
    const { code, stdout, stderr, report } = await runProgram(node, 'uncaught', { parameters: ['a listener for rejections', 'rejection'], on: { ready: term } })
    expect(code).toBe(72)
    expect(stdout.slice(0, -1)).toEqual(['logged before', 'ready', 'logged in the stop', 'db drained'])
    expect(report?.errors).toEqual(['unhandledRejection: in the stop'])
    expect(stderr).not.toContain('warning')
  })

  test.each(['warn', 'none'])('rejections, with --unhandled-rejections=%s', async (mode) => {
    const { code, stdout, report } = await runProgram(node, 'uncaught', { nodeOptions: [`--unhandled-rejections=${mode}`], parameters: ['nobody', 'rejection'], on: { ready: term } })
    expect(code).toBe(72)
    expect(stdout.slice(0, -1)).toEqual(['ready', 'db drained'])
    expect(report?.errors).toEqual(['unhandledRejection: in the stop'])
  })

  test('errors that a callback of the process takes', async () => {
    const { code, stdout, report } = await runProgram(node, 'uncaught', { parameters: ['a callback'], on: { ready: term } })
    expect(code).toBe(72)
    expect(stdout.slice(0, -1)).toEqual(['logged before', 'ready', 'logged in the stop', 'db drained'])
    expect(report?.errors).toEqual(['uncaughtException: in the stop'])
  })
})

describe.each(nodes)('$name:', (node) => {
  test('with --unhandled-rejections=strict a rejection stops the service, and one in the stop is counted once', async () => {
    const { code, report, stdout } = await runProgram(node, 'uncaught', {
      nodeOptions: ['--unhandled-rejections=strict'],
      parameters: ['a listener for rejections', 'rejection'],
    })
    expect(code).toBe(1)
    expect(stdout.slice(0, -1)).toEqual(['logged before', 'logged in the stop', 'db drained'])
    expect(report).toMatchObject({ reason: { kind: 'fatal', error: { message: 'before' } }, errors: ['unhandledRejection: in the stop'] })
  })

  test('an error that a domain handles is handled', async () => {
    const { code, stdout, report } = await runProgram(node, 'uncaught', { parameters: ['a domain'], on: { ready: term } })
    expect(code).toBe(0)
    expect(stdout.slice(0, -1)).toEqual(['logged before', 'ready', 'db drained'])
    expect(report?.result).toBe('clean')
  })
})
