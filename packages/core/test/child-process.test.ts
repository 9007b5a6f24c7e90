import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import cluster from 'node:cluster'
import { afterEach, describe, expect, test } from 'vitest'
import { childProcess, clusterWorkers } from '../src/lib/process/child-processes.ts'
import { createLifecycle } from '../src/lib/engine/create-lifecycle.ts'
import type { Report } from '../src/lib/report/report.ts'

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** A program that has said `ready`. */
async function started(code: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', `${code}; setInterval(() => {}, 1e6); console.log('ready')`], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  return child
}

async function stopWith(child: ChildProcess, graceMs: number = 10_000): Promise<Report> {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs } })
  lifecycle.add(childProcess(child))
  return lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
}

describe('a child process', () => {
  test('that exits with 0 has drained', async () => {
    const child = await started(`process.on('SIGTERM', () => setTimeout(() => process.exit(0), 50))`)
    expect(await stopWith(child)).toMatchObject({ result: 'clean', steps: [{ name: 'child-process', outcome: 'drained', inFlight: { atStop: 1 } }] })
    expect(child.exitCode).toBe(0)
  })

  test('that exits with another code has failed', async () => {
    const child = await started(`process.on('SIGTERM', () => process.exit(3))`)
    expect((await stopWith(child)).steps).toMatchObject([{ outcome: 'failed', errors: [`process ${child.pid} exited with code 3`] }])
  })

  test('that has no handler is told apart from one that drained', async () => {
    const child = await started('')
    expect((await stopWith(child)).steps[0]?.errors).toEqual([`process ${child.pid} was ended by SIGTERM, for which it has no listener`])
  })

  test.each([
    ['hangs', `process.on('SIGTERM', () => {})`, false],
    ['is frozen', `process.on('SIGTERM', () => process.exit(0))`, true],
  ])('that %s is killed at its deadline', async (_how, code, frozen) => {
    const child = await started(code)
    if (frozen) child.kill('SIGSTOP')
    expect((await stopWith(child, 2_000)).steps).toMatchObject([{ outcome: 'forced', inFlight: { atForce: 1 }, waitingFor: [`process ${child.pid}`], errors: [] }])
    expect(child.signalCode).toBe('SIGKILL')
  })

  test('that had gone before is nothing to wait for, however it ended', async () => {
    const child = await started('')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await stopWith(child)).toMatchObject({ result: 'clean', steps: [{ outcome: 'idle' }] })
  })
})

test('what is no child process, and a worker instead of the primary, are refused', () => {
  expect(() => childProcess({} as never)).toThrow('it was given [object Object] (object)')
  expect(() => clusterWorkers({ ...cluster, isPrimary: false } as never)).toThrow('is for the primary process')
})
