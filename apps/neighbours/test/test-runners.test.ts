import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runService, type Ended } from './tools/run-service.ts'

const folder = fileURLToPath(new URL('runners/', import.meta.url))
const bin = (name: string): string => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url))
const modules = { NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' }

/** How a runner is started, and how it says how many of its tests have passed. */
const runners: Readonly<Record<string, { readonly command: readonly string[]; readonly passed: RegExp; readonly env?: NodeJS.ProcessEnv }>> = {
  'node:test': { command: [process.execPath, '--test', '--test-reporter=tap', `${folder}node.test.mjs`], passed: /^# pass (\d+)$/m },
  'node:test, without its own command': { command: [process.execPath, '--test-reporter=tap', `${folder}node.test.mjs`], passed: /^# pass (\d+)$/m },
  vitest: { command: [bin('vitest'), 'run', '--config', `${folder}vitest.config.mjs`, '--root', folder, '--no-color'], passed: /Tests +(?:.* )?(\d+) passed/, env: { NO_COLOR: '1', FORCE_COLOR: '0' } },
  jest: { command: [bin('jest'), '--rootDir', folder, '--testMatch', '**/jest.spec.mjs'], passed: /^Tests: .*?(\d+) passed/m, env: modules },
  mocha: { command: [bin('mocha'), `${folder}mocha.spec.mjs`], passed: /(\d+) passing/ },
}

async function run(runner: string, how: string): Promise<Ended & { readonly passed: number; readonly text: string }> {
  const { command, passed, env } = runners[runner] as (typeof runners)[string]
  const ended = await runService(command, { env: { ...env, HOW: how } })
  const text = `${ended.stdout.join('\n')}\n${ended.stderr}`
  return { ...ended, text, passed: Number(passed.exec(text)?.[1] ?? 0) }
}

describe.each(Object.keys(runners))('a bound lifecycle in the process of %s:', (runner) => {
  test('its end does not end the tests, and says what to do', async () => {
    const { code, passed, text } = await run(runner, 'stops')
    expect({ code, passed }).toEqual({ code: 0, passed: 15 })
    expect(text).toContain(`lameduck: warning: this process runs the tests of ${runner.split(',')[0]}, so it is not ended with the lifecycle, which is unbound now. Call unbind() before a test stops it,`)
  })

  test('one that is unbound says nothing', async () => {
    const { code, passed, text } = await run(runner, 'is unbound')
    expect({ code, passed }).toEqual({ code: 0, passed: 15 })
    expect(text).not.toMatch(/^lameduck: /m)
  })

  test('an uncaught error is the runner’s, and makes the run fail', async () => {
    const { code, text } = await run(runner, 'throws late')
    expect(code).toBeGreaterThan(0)
    expect(text).toContain('thrown late')
    expect(text).not.toContain('uncaughtException: Error: thrown late')
  })

  test('a start that fails rejects, and the tests go on', async () => {
    const { code, passed } = await run(runner, 'fails to start')
    expect({ code, passed }).toEqual({ code: 0, passed: 15 })
  })
})

test.each(Object.keys(runners).filter((name) => name !== 'vitest'))('a signal ends the process of %s, and never with code 0', async (runner) => {
  const { code, passed } = await run(runner, 'is told to leave')
  expect(passed).toBeLessThan(15)
  expect(code).not.toBe(0)
})

test('vitest lets nobody end its process, and all tests run', async () => {
  const { code, passed } = await run('vitest', 'is told to leave')
  expect({ code, passed }).toEqual({ code: 0, passed: 15 })
})

test('a service that a test has started inherits the runner’s environment, and ends as ever', async () => {
  const env = { VITEST: 'true', VITEST_WORKER_ID: '1', JEST_WORKER_ID: '1', NODE_TEST_CONTEXT: 'child-v8', NODE_ENV: 'test' }
  const { code, report } = await runService([process.execPath, fileURLToPath(new URL('programs/dev-service.mjs', import.meta.url)), 'SIGTERM'], {
    env,
    on: { ready: (child) => child.kill('SIGTERM') },
  })
  expect({ code, result: report?.result }).toEqual({ code: 0, result: 'clean' })
})
