import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { runProgram, term } from './tools/run-program.ts'

let folder: string
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lameduck-termination-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A file that is there already, with something else in it, as kubelet would have made it. */
async function messageFile(): Promise<string> {
  const file = join(folder, `message-${(files += 1)}`)
  await writeFile(file, 'x'.repeat(3_000))
  return file
}

async function readMessage(file: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
}

describe.each(nodes)('$name: the termination message', (node) => {
  test('tells how a stop ended', async () => {
    const file = await messageFile()
    const { code } = await runProgram(node, 'message', { parameters: [file], on: { ready: term } })
    expect(code).toBe(0)
    expect(await readMessage(file)).toMatchObject({
      lameduck: 'stopped',
      result: 'clean',
      exitCode: 0,
      reason: 'SIGTERM',
      steps: [{ name: 'http', outcome: 'drained' }, { name: 'worker', outcome: 'drained' }, { name: 'pool', outcome: 'drained' }],
    })
  })

  test('tells after SIGKILL in which step the time went', async () => {
    const file = await messageFile()
    const { signal } = await runProgram(node, 'message', { parameters: [file, 'hangs'], on: { ready: term, hanging: (child) => void child.kill('SIGKILL') } })
    expect(signal).toBe('SIGKILL')
    expect(await readMessage(file)).toMatchObject({ lameduck: 'stopping', reason: 'SIGTERM', running: ['worker'], waiting: ['pool'], steps: [{ name: 'http', outcome: 'drained' }] })
  })

  test('of two lifecycles tells the worse end', async () => {
    const file = await messageFile()
    const { code } = await runProgram(node, 'two-messages', { parameters: [file], on: { ready: term } })
    expect(code).toBe(71)
    expect(await readMessage(file)).toMatchObject({ lameduck: 'stopped', result: 'forced', exitCode: 71, steps: [{ name: 'cut', outcome: 'forced' }] })
  })

  test('of thirty resources that end in one turn tells the end, too', async () => {
    const file = await messageFile()
    await runProgram(node, 'thirty-resources', { parameters: [file], on: { ready: term } })
    expect(await readMessage(file)).toMatchObject({ lameduck: 'stopped', result: 'clean', exitCode: 0 })
  })

  test('that is a FIFO, or a folder, is a warning and no hang', async () => {
    const fifo = join(folder, `fifo-${(files += 1)}`)
    spawnSync('mkfifo', [fifo])
    for (const path of [fifo, folder]) {
      const { code, stderr } = await runProgram(node, 'message', { parameters: [path], on: { ready: term } })
      expect(code).toBe(0)
      expect(stderr).toContain('warning: the termination message cannot be written: ')
    }
  })

  test('that cannot be written is a warning, and nothing else changes', async () => {
    const { code, stderr } = await runProgram(node, 'message', { parameters: [join(folder, 'no such folder', 'file')], on: { ready: term } })
    expect(code).toBe(0)
    expect(stderr).toMatch(/^lameduck: warning: the termination message cannot be written: .*ENOENT.*\n$/)
  })
})

describe.each(nodes)('$name: a blocked event loop', (node) => {
  test('during a step is ended, and step and stack are told', async () => {
    const file = await messageFile()
    const { code, signal, stdout, stderr } = await runProgram(node, 'blocked-during', { parameters: [file], on: { ready: term } })
    expect(node.stalledEnds).toContain(code ?? signal)
    expect(stdout).toEqual(['ready', 'blocking'])
    expect(stderr).toMatch(/^lameduck: the event loop was blocked at the deadline; step "cache" was running; main thread: .*flushCache .*blocked-during\.mjs/m)
    const message = await readMessage(file)
    expect(message).toMatchObject({ result: 'stalled', exitCode: 70, running: ['cache'], waiting: ['pool'] })
    expect((message['stack'] as string[])[0]).toContain('flushCache')
  })

  test('before the signal is ended, too', async () => {
    const file = await messageFile()
    const { code, signal, stderr } = await runProgram(node, 'blocked-before', { parameters: [file, 'for ever'], on: { blocked: term } })
    expect(node.stalledEnds).toContain(code ?? signal)
    expect(stderr).toMatch(/blocked at the deadline; main thread: .*busy .*blocked-before\.mjs/)
    expect(await readMessage(file)).toMatchObject({ result: 'stalled', exitCode: 70 })
  })

  test('counts from a preStop that was announced before it was blocked', async () => {
    const file = await messageFile()
    let announcedAt = 0
    const { code, signal } = await runProgram(node, 'blocked-before', {
      parameters: [file, 'for ever', 'preStop'],
      on: {
        announced: () => {
          announcedAt = performance.now()
        },
        blocked: term,
      },
    })
    expect(node.stalledEnds).toContain(code ?? signal)
    // Grace period 5 s, margin 1 s, and 1.5 s went by before the signal: at 4.5 s; without the announcement at 6.
    expect(performance.now() - announcedAt).toBeGreaterThan(4_000)
    expect(performance.now() - announcedAt).toBeLessThan(5_500)
  })

  test('is not what a passed deadline means', async () => {
    const { code, report, stderr } = await runProgram(node, 'notice-passed', { on: { ready: term } })
    expect(code).toBe(71)
    expect(report).toMatchObject({ result: 'forced', budgetMs: 0, budgetSource: 'a spot notice' })
    expect(stderr).not.toContain('event loop')
  })

  test('that is free again in time drains in what is left', async () => {
    const file = await messageFile()
    const { code, report } = await runProgram(node, 'blocked-before', {
      parameters: [file, 'a while'],
      on: {
        blocked(child) {
          term(child)
          setTimeout(() => child.stdin?.end(), 300)
        },
      },
    })
    expect(code).toBe(0)
    expect(report?.budgetSource).toMatch(/^policy\.graceMs, counted from SIGTERM, which came \d+ ms before it could be handled$/)
    expect(report?.budgetMs).toBeLessThan(750)
  })
})
