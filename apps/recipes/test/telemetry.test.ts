import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { inLines, newRelicAnswer } from './support/arrived.ts'
import { compilePrograms, type Programs } from './support/compile-programs.ts'
import { startIntake, type Intake, type IntakeOptions, type Received } from './support/intake.ts'
import { readSnippets } from './support/read-snippets.ts'
import { runProgram, type Ended } from './support/run-program.ts'
import { datadog, datadogImported, imported, newRelic, openTelemetry, required, sentry, trust, type Sdk } from './support/sdks.ts'

let folder: string
let programs: Programs | undefined
let trusting: NodeJS.ProcessEnv
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lameduck-telemetry-'))
  trusting = await trust(folder)
  programs = await compilePrograms(texts(await readSnippets('telemetry.md')))
})
afterAll(async () => {
  await programs?.remove()
  await rm(folder, { recursive: true, force: true })
})

/** A program for each snippet of the page, and one without it: what the service loses as it is. */
function texts(snippets: Readonly<Record<string, string>>): Record<string, string> {
  const of = (heading: string): string => snippets[heading] ?? expect.unreachable(`docs/telemetry.md has no snippet under "${heading}"`)
  const program = (leave: string, text: string, live = 'leave'): string => `import { lifecycle, live } from '../programs/service.ts'\n${leave}\n${text}\nvoid lifecycle\nawait live(${live})\n`
  const without = (snippet: string): string => snippet.replaceAll(/^lifecycle\.add.*$/gm, '')
  const byLogger = 'async (name, work) => {\n  await work()\n  logger.info(name)\n}'
  return {
    'any SDK': program('const mySdk = { flush: async (withinMs: number) => console.log(`flushed within ${withinMs}`) }', of('Telemetry at the end of a process'), '(_name, work) => work()'),
    ...Object.fromEntries(
      [sentry, openTelemetry, imported, datadog, newRelic].flatMap((sdk) => {
        const leave = `import { leave } from '../programs/${sdk.program}.ts'`
        return [
          [`with ${sdk.snippet}`, program(leave, of(sdk.snippet))],
          [`without ${sdk.snippet}`, program(leave, sdk === openTelemetry ? without(of(sdk.snippet)) : '')],
        ]
      }),
    ),
    'two lifecycles': program(
      "import { leave } from '../programs/sentry.ts'\nimport { bindProcess, createLifecycle } from '@lameduck/core'",
      `${of('Sentry')}\nconst bound = bindProcess(lifecycle)\nawait bindProcess(createLifecycle()).ready()`,
      'leave, bound',
    ),
    idle: program("import '../programs/idle-sdks.ts'", '', '(_name, work) => work()'),
    'with pino': program('', of('pino'), `${byLogger}, bound`),
    'ending pino': program('', `${of('pino')}\nlifecycle.add({ name: 'pino', phase: 'telemetry', drain: () => (logger as any)[pino.symbols.streamSym].end() })`, `${byLogger}, bound`),
    'winston to a file': program("import winston from 'winston'\nconst logger = winston.createLogger({ transports: [new winston.transports.File({ filename: process.env.LOG_FILE })] })", '', byLogger),
    'with winston': program('', of('winston'), byLogger),
    'without winston': program('', `${without(of('winston'))}\nvoid flush`, byLogger),
  }
}

function path(program: string): string {
  return programs?.path(program) ?? expect.unreachable('the programs are not compiled')
}

const everything = ['before', 'in flight', 'in the drain']

/** A way as to a collector that is not next door: a process that leaves at once has not even connected. */
const farMs = 2_000

// The context's `onTestFinished`: tests that run side by side have no other way to say whose it is.
async function intakeFor(sdk: Pick<Sdk, 'intake'>, { onTestFinished }: TestContext, options: IntakeOptions = {}): Promise<Intake> {
  const intake: Intake = await startIntake({ ...sdk.intake?.(() => intake.port), ...options })
  onTestFinished(() => intake.close())
  return intake
}

async function run(sdk: Sdk, snippet: 'with' | 'without', env: NodeJS.ProcessEnv, port: number): Promise<Ended> {
  return runProgram(path(`${snippet} ${sdk.snippet}`), {
    env: { ...trusting, ...sdk.env(port), ...env },
    nodeOptions: sdk.nodeOptions ?? [],
    on: { ready: (child) => void (env['END'] === undefined && child.kill('SIGTERM')) },
  })
}

function sorted(names: readonly string[]): string[] {
  return names.toSorted((a, b) => a.localeCompare(b))
}

/** Errors of a service that its SDK reports. */
function withError(sdk: Sdk, names: readonly string[]): string[] {
  return sorted(sdk.hearsErrors ? [...names, 'boom'] : names)
}

const sdks: readonly (readonly [string, Sdk])[] = [
  ['Sentry', sentry],
  ['OpenTelemetry', openTelemetry],
  ['OpenTelemetry, register', imported],
  ['Datadog', datadog],
  ['New Relic', newRelic],
]

describe.concurrent('everything arrives', () => {
  test.for([...sdks, ['OpenTelemetry, register by --require', required] as const, ['Datadog by --import', datadogImported] as const])('%s, after SIGTERM', async ([, sdk], context) => {
    const intake = await intakeFor(sdk, context)
    const { code, report, stderr } = await run(sdk, 'with', {}, intake.port)
    expect(sorted(sdk.arrived(intake.received)), stderr).toEqual(everything)
    expect({ code, result: report?.result }).toEqual({ code: 0, result: 'clean' })
    expect(stderr.replaceAll(/^lameduck: still waiting.*\n/gm, '')).toBe('')
  })

  test.for(sdks)('%s, after a crash', async ([, sdk], context) => {
    const intake = await intakeFor(sdk, context)
    const { code, stderr } = await run(sdk, 'with', { END: 'throw' }, intake.port)
    expect(sorted(sdk.arrived(intake.received)), stderr).toEqual(withError(sdk, everything))
    expect(code).toBe(1)
  })
})

describe.concurrent('without the snippet it is lost', () => {
  test.for(sdks)('%s, after SIGTERM, and that is told at the start', async ([, sdk], context) => {
    const intake = await intakeFor(sdk, context, { latencyMs: farMs })
    const { code, stderr } = await run(sdk, 'without', {}, intake.port)
    expect(sdk.arrived(intake.received)).toEqual([])
    expect(code).toBe(0)
    expect(stderr.match(/loses what it has not sent when the process exits, for no resource flushes it/g)).toHaveLength(1)
  })

  // `register` does the same as an SDK of one's own; New Relic's agent sends once a minute, and just then it may be about to.
  test.for(sdks.filter(([, sdk]) => sdk !== imported && sdk !== newRelic))('%s, after a crash', async ([, sdk], context) => {
    const intake = await intakeFor(sdk, context, { latencyMs: farMs })
    const { code } = await run(sdk, 'without', { END: 'throw' }, intake.port)
    expect(sdk.arrived(intake.received)).toEqual([])
    expect(code).toBe(1)
  })
})

describe.concurrent('a collector that does not answer holds the stop for 3 s, and is no failure', () => {
  test.for(sdks)('%s', async ([, sdk], context) => {
    const connects = (received: Received): boolean => sdk === newRelic && /method=(preconnect|connect)\b/.test(received.url)
    const intake: Intake = await intakeFor(sdk, context, { answer: (received) => (connects(received) ? newRelicAnswer(() => intake.port, received) : undefined) })
    const { code, report, leftAfterMs } = await run(sdk, 'with', {}, intake.port)
    expect({ code, result: report?.result, outcomes: report?.steps.map(({ outcome }) => outcome) }).toEqual({ code: 0, result: 'unknown', outcomes: ['drained', 'unknown'] })
    expect(leftAfterMs).toBeLessThan(5_000)
  })

  test('OpenTelemetry, where connections are refused', async () => {
    const intake = await startIntake()
    intake.close()
    const { code, report } = await run(openTelemetry, 'with', {}, intake.port)
    expect({ code, result: report?.result }).toEqual({ code: 0, result: 'unknown' })
  })

  test('New Relic, before it has connected', async (context) => {
    const intake = await intakeFor(newRelic, context, { answer: () => undefined })
    const { code, leftAfterMs } = await run(newRelic, 'with', { UNCONNECTED: '1' }, intake.port)
    expect(code).toBe(0)
    expect(leftAfterMs).toBeLessThan(5_000)
  })
})

describe.concurrent('Sentry, whatever ends the service', () => {
  test.for<[string, NodeJS.ProcessEnv, readonly string[]]>([
    ['an error before the start', { END: 'before start' }, ['before', 'boom', 'in the drain']],
    ['an error while it starts', { END: 'while starting' }, ['before', 'boom', 'in the drain']],
    ['a failed start', { END: 'failed start' }, ['before', 'boom', 'in the drain']],
    ['a rejection, where Sentry leaves it to the process', { END: 'reject', REJECTIONS: 'stop' }, ['before', 'boom', 'in flight', 'in the drain']],
    ['an error, with little time and a pool that hangs', { END: 'throw', FATAL_MS: '1500', HANGS: '1' }, ['before', 'boom', 'in flight', 'in the drain']],
  ])('%s', async ([, env, expected], context) => {
    const intake = await intakeFor(sentry, context)
    const { code, stderr } = await run(sentry, 'with', env, intake.port)
    expect(sorted(sentry.arrived(intake.received)), stderr).toEqual(expected)
    expect(code).toBe(1)
  })
})

// Catches: a flush that is only made at the end, for which a hung client leaves 160 ms.
test.concurrent('Datadog: what was there at the error is sent at once', async (context) => {
  const intake = await intakeFor(datadog, context, { latencyMs: 400 })
  await run(datadog, 'with', { END: 'throw', FATAL_MS: '1000', HANGS: '1' }, intake.port)
  expect(datadog.arrived(intake.received)).toContain('before')
})

describe.concurrent('no warning', () => {
  test('of SDKs that are there and collect nothing', async () => {
    const { code, stderr } = await runProgram(path('idle'), { env: { ...newRelic.env(1), NEW_RELIC_ENABLED: 'false' }, on: { ready: (child) => void child.kill('SIGTERM') } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('of a lifecycle without telemetry, where another one of the process has it', async (context) => {
    const intake = await intakeFor(sentry, context)
    const { code, stderr } = await runProgram(path('two lifecycles'), { env: sentry.env(intake.port), on: { ready: (child) => void child.kill('SIGTERM') } })
    expect(stderr).not.toContain('warning')
    expect(code).toBe(0)
  })
})

test.concurrent('any SDK: the first snippet of the page', async () => {
  const { code, stdout } = await runProgram(path('any SDK'), { on: { ready: (child) => void child.kill('SIGTERM') } })
  expect(code).toBe(0)
  expect(stdout).toContainEqual(expect.stringMatching(/^flushed within 29\d\d$/))
})

describe.concurrent('loggers', () => {
  test.for<[string, NodeJS.ProcessEnv, number]>([
    ['SIGTERM', {}, 0],
    ['a crash', { END: 'throw' }, 1],
  ])('pino writes every line and the report, at %s', async ([, env, expected]) => {
    const file = join(folder, `pino-${expected}.log`)
    const { code } = await runProgram(path('with pino'), { env: { LOG_FILE: file, ...env }, on: { ready: (child) => void (expected === 0 && child.kill('SIGTERM')) } })
    expect(code).toBe(expected)
    expect(await messages(file)).toEqual([...everything, 'stopped'])
  })

  test('pino, ended in a drain, loses the report', async () => {
    const file = join(folder, 'pino-ended.log')
    await runProgram(path('ending pino'), { env: { LOG_FILE: file }, on: { ready: (child) => void child.kill('SIGTERM') } })
    expect(await messages(file)).toEqual(everything)
  })

  test.for<[string, NodeJS.ProcessEnv, number]>([
    ['SIGTERM', {}, 0],
    ['a crash', { END: 'throw' }, 1],
  ])('winston sends every line, at %s', async ([, env, expected], context) => {
    const intake = await intakeFor({}, context, { latencyMs: 50 })
    const { code } = await runProgram(path('with winston'), { env: { LOG_PORT: String(intake.port), ...env }, on: { ready: (child) => void (expected === 0 && child.kill('SIGTERM')) } })
    expect(code).toBe(expected)
    expect(sorted(inLines(intake.received))).toEqual(everything)
  })

  test('winston writes every line to a file', async () => {
    const file = join(folder, 'winston.log')
    const { code } = await runProgram(path('winston to a file'), { env: { LOG_FILE: file }, on: { ready: (child) => void child.kill('SIGTERM') } })
    expect(code).toBe(0)
    expect((await linesOf(file)).map(({ message }) => message)).toEqual(everything)
  })

  test('winston without the snippet loses the last line', async (context) => {
    const intake = await intakeFor({}, context, { latencyMs: farMs })
    await runProgram(path('without winston'), { env: { LOG_PORT: String(intake.port) }, on: { ready: (child) => void child.kill('SIGTERM') } })
    expect(inLines(intake.received)).not.toContain('in the drain')
  })
})

async function messages(file: string): Promise<unknown[]> {
  return (await linesOf(file)).map(({ msg }) => msg)
}

async function linesOf(file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8')
  return text.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
}
