import { describe, expect, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { outcomes, programPath, runProgram, term } from './tools/run-program.ts'

const adopt = "let lameduck run it in time: bindProcess(lifecycle, { otherListeners: 'adopt' })"

describe.each(nodes)('$name: another listener for the signal', (node) => {
  test.each([
    ['before', /\(function closeAndExit\)/],
    ['between', /\(function closeAndExit, added by .*other-listeners\.mjs:\d+:\d+\)?\)/],
    ['later', /\(function closeAndExit, added by .*other-listeners\.mjs:\d+:\d+\)?\)/],
  ])('that comes %s is named before the signal, with what to do, and who ends the process is named after it', async (when, named) => {
    const { code, stderr } = await runProgram(node, 'other-listeners', { parameters: [when, 'closeAndExit'], on: { ready: (child) => setTimeout(() => term(child), 100) } })
    const [warning = '', notice = ''] = stderr.split('\n')
    expect(warning).toMatch(named)
    expect(warning).toMatch(/^lameduck: warning: another listener for SIGTERM acts before the service has drained, and may end the process/)
    expect(warning.endsWith(`: do what it does in the drain of a resource and remove it, or ${adopt}`)).toBe(true)
    expect(code).toBe(143)
    expect(notice).toMatch(/^lameduck: process\.exit\(143\) was called while stopping by .*closeAndExit.*other-listeners\.mjs:\d+:\d+\)?; work did not finish\./)
  })

  test.each([
    ['before', /\(a nameless function that begins with `\(\) => \{ setTimeout\(\(\) => say\('closed'\), 100\) …`\): do what it does/],
    ['later', /\(a nameless function, added by .*other-listeners\.mjs:\d+:\d+\)?\): do what it does/],
  ])('that has no name and comes %s is told of by its place, or by how it begins', async (when, named) => {
    const { stderr } = await runProgram(node, 'other-listeners', { parameters: [when, 'nameless'], on: { ready: (child) => setTimeout(() => term(child), 100) } })
    expect(stderr.split('\n')[0]).toMatch(named)
  })

  test('is told of at the signal where that comes before the service is ready', async () => {
    const { stderr } = await runProgram(node, 'listens-and-starts', { on: { starting: term } })
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^lameduck: warning: another listener for SIGTERM acts before .*\(function exitAtOnce\)/),
      expect.stringMatching(/^lameduck: process\.exit\(0\) was called while stopping by process\.exitAtOnce /),
      '',
    ])
  })

  test('that heard of two signals is told of once', async () => {
    const { stderr } = await runProgram(node, 'other-listeners', { parameters: ['twice', 'hang'], on: { ready: term } })
    expect(stderr.match(/warning/g)).toHaveLength(1)
    expect(stderr).toContain('another listener for SIGTERM and SIGINT acts')
  })

  test.each([
    ['does nothing unless it is alone', 'leaveIfAlone', 'warn'],
    ['is known', 'hang', 'ignore'],
  ])('that %s is not told of', async (_, how, otherListeners) => {
    const { code, stderr } = await runProgram(node, 'other-listeners', { parameters: ['before', how, otherListeners], on: { ready: term } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

describe.each(nodes)('$name: an adopted listener', (node) => {
  const adopted = (when: string, how: string): Promise<Awaited<ReturnType<typeof runProgram>>> =>
    runProgram(node, 'other-listeners', { parameters: [when, how, 'adopt'], on: { ready: term } })

  test.each(['before', 'between', 'later', 'once', 'twice'])('runs when traffic has drained, with what it is used to (added %s)', async (when) => {
    const { code, stdout, stderr, report } = await adopted(when, 'closeEverything')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.slice(1, -1)).toEqual(['work drained', 'closing on SIGTERM,15 true', 'closed', 'db drained'])
    expect(outcomes(report)).toEqual(['work drained', 'other listeners drained', 'db drained'])
  })

  test.each(['closeAndExit', 'exitAtOnce', 'exitByImport', 'exitInTick', 'exitInCallback', 'exitFloating', 'signalAgain'])('that ends the process has finished, and does not (%s)', async (how) => {
    const { code, stdout, stderr, report } = await adopted('before', how)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('db drained')
    expect(stdout).not.toContain('NEVER')
    expect(report).toMatchObject({ result: 'clean', steps: [{}, { name: 'other listeners', outcome: 'drained', work: { done: 1 } }, {}] })
    // Far from its reserve: it was heard of.
    const [, { startedMs = 0, finishedMs = 0 } = {}] = report?.steps ?? []
    expect(finishedMs - startedMs).toBeLessThan(400)
  })

  test('that catches what stops its code hears in one line what it is, and has finished with its first call', async () => {
    const { code, stdout, stderr } = await adopted('before', 'exitCaught')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('caught ExitTaken: process.exit(0) ended this listener and not the process: lameduck ends the process when everything has drained')
  })

  test('that only begins something is given its reserve, and nobody can tell', async () => {
    const { code, stdout, stderr, report } = await adopted('before', 'beginOnly')
    expect(code).toBe(0)
    expect(stdout.slice(1, -1)).toEqual(['work drained', 'closed', 'db drained'])
    expect(report).toMatchObject({ result: 'unknown', steps: [{}, { outcome: 'unknown', work: { done: 0, unknown: 1 } }, {}] })
    expect(stderr).toBe(
      'lameduck: stopped on SIGTERM; other listeners: it is not known whether one piece of work was finished (SIGTERM: function beginOnly returned at once, and does not say when it has finished)\n',
    )
  })

  test.each([
    ['failWithCode', 'SIGTERM: function failWithCode: process.exit(1)'],
    ['reject', 'SIGTERM: function reject: it did not close'],
  ])('that fails makes the stop fail, and the rest is drained (%s)', async (how, why) => {
    const { code, stdout, report } = await adopted('before', how)
    expect(code).toBe(72)
    expect(stdout).toContain('db drained')
    expect(report?.steps[1]).toMatchObject({ outcome: 'failed', errors: [expect.stringContaining(why)] })
  })

  test('that hangs is cut at its deadline, and the rest has its time', async () => {
    const { code, stdout, report } = await adopted('before', 'hang')
    expect(code).toBe(71)
    expect(stdout).toContain('db drained')
    expect(report?.steps[1]).toMatchObject({ outcome: 'forced', waitingFor: ['SIGTERM: function hang'] })
  })

  test('is seen by its owner, who can still remove it', async () => {
    const { code, stdout, report } = await adopted('removed', 'closeEverything')
    expect(code).toBe(0)
    expect(stdout).toContain('seen 2 true')
    expect(outcomes(report)).toContain('other listeners idle')
  })

  test('is put back when the lifecycle is unbound', async () => {
    const { code, stdout } = await runProgram(node, 'other-listeners', { parameters: ['unbound', 'closeAndExit', 'adopt'], on: { ready: term } })
    expect({ code, stdout }).toEqual({ code: 143, stdout: ['left closeAndExit', 'ready', 'closed'] })
  })

  // Catches: adopting an SDK's listener silences the warning that nothing flushes it, and a crash flushes nothing.
  test.each([
    ['an uncaught error', 'throw', 1],
    ['lifecycle.stop()', 'stop', 0],
  ])('runs in a stop by %s, once, and with the signal that it was added for', async (_what, END, expected) => {
    for (const when of ['before', 'twice', 'other first']) {
      const { code, stdout, report } = await runProgram(node, 'other-listeners', { parameters: [when, 'closeEverything', 'adopt'], env: { END } })
      expect({ code, when }).toEqual({ code: expected, when })
      expect(stdout.slice(1, -1)).toEqual(['work drained', 'closing on SIGTERM,15 true', 'closed', 'db drained'])
      expect(outcomes(report)).toContain('other listeners drained')
    }
  })

  test('runs in a stop by a message of pm2', async () => {
    const { stdout } = await runProgram(node, 'pm2-stand-in', { parameters: [programPath('other-listeners'), 'before', 'closeEverything', 'adopt'] })
    expect(stdout).toEqual(expect.arrayContaining(['closing on SIGTERM,15 true', 'closed', 'exit code 0']))
  })

  test('does not run where the event loop is empty, for nobody has asked for a stop', async () => {
    const { code, stdout, report } = await runProgram(node, 'other-listeners', { parameters: ['before', 'failWithCode', 'adopt'], env: { END: 'empty' } })
    expect({ code, result: report?.result }).toEqual({ code: 0, result: 'clean' })
    expect(stdout).not.toContain('closed')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('that is the only one to flush an SDK runs whatever the signal is (%s)', async (signal) => {
    const { code, stdout } = await runProgram(node, 'other-listeners', { parameters: ['before', 'flushSdk', 'adopt'], on: { ready: (child) => void child.kill(signal) } })
    expect(code).toBe(0)
    expect(stdout.slice(1, -1)).toEqual(['work drained', 'OpenTelemetry SDK terminated SIGTERM', 'db drained'])
  })

  test('runs for the signal that came, and for no other signal', async () => {
    const { stdout, report } = await runProgram(node, 'other-listeners', { parameters: ['before', 'closeEverything', 'adopt', 'SIGINT'], on: { ready: term } })
    expect(stdout).not.toContain('closed')
    expect(outcomes(report)).toContain('other listeners idle')
  })
})

describe.each(nodes)('$name: several adopted listeners', (node) => {
  test('run one after the other, and what one of them does late does not end another', async () => {
    const { code, stdout, stderr, report } = await runProgram(node, 'three-listeners', { on: { ready: term } })
    expect(code).toBe(72)
    expect(stdout.slice(1, -1)).toEqual(['first', 'second begins', 'second ends', 'third', 'db drained'])
    expect(report?.steps.find(({ name }) => name === 'other listeners')?.work).toMatchObject({ done: 2, unknown: 1, failed: 0 })
    // The service's own listener for uncaught errors saw what was one, and nothing else.
    expect(stdout.at(-1)).toContain('"errors":["unhandledRejection: a real error"]')
    expect(stderr.match(/crash reporter: .*/g)).toEqual(['crash reporter: a real error'])
    expect(stderr).toContain('process.exit(1) was called while stopping by')
    expect(stderr).toContain(', and was not done: the process ends when it has drained.')
  })
})
