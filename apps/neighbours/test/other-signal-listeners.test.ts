import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runService, type Ended } from './tools/run-service.ts'

const program = (name: string): string => fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url))
const bin = (name: string): string => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url))

interface Stop extends Ended {
  /** What the client of the request got that was in flight at the signal. */
  readonly client: number | string
  /** `asked`, `answered`, `neighbour closed`, `db drained`, in their order. */
  readonly order: readonly string[]
}

/** Asks as soon as the service listens, and sends SIGTERM when the request is in its hands. */
async function stopWith(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Stop> {
  let answer: Promise<number | string> = Promise.resolve('was never asked')
  const ended = await runService(command, {
    env,
    on: {
      ready: (_child, port) => (answer = ask(port)),
      asked: (child: ChildProcess) => child.kill('SIGTERM'),
    },
  })
  return { ...ended, client: await answer, order: ended.stdout.filter((line) => /^(asked|answered|neighbour closed|db drained)$/.test(line)) }
}

async function ask(port: string): Promise<number | string> {
  try {
    const [response] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return response.statusCode ?? 0
  } catch (error) {
    return (error as Error).message
  }
}

const beside = (name: string, otherListeners: string, drains: string = 'lameduck'): Promise<Stop> =>
  stopWith([process.execPath, program('neighbour'), name, otherListeners, drains])

describe('who is known is told of with what to do', () => {
  test.each([
    ['apollo', 'SIGTERM and SIGINT', 'Apollo Server', "pass stopOnTerminationSignals: false to new ApolloServer(), and call its stop() in the drain of a resource of the phase 'work'"],
    ['terminus', 'SIGTERM', '@godaddy/terminus', 'take httpServer() of @lameduck/http in its place'],
    ['http-graceful-shutdown', 'SIGTERM and SIGINT', 'http-graceful-shutdown', 'take httpServer() of @lameduck/http in its place'],
    ['lightship', 'SIGTERM and SIGINT', 'lightship', 'pass signals: [] to createLightship(), and do what its shutdown handlers do in the drain of a resource'],
    ['close-with-grace', 'SIGTERM and SIGINT', 'close-with-grace (which fastify-cli uses)', 'start the application with node and a file of your own, without it, or let lameduck run it in time'],
    ['async-exit-hook', 'SIGTERM and SIGINT', 'async-exit-hook', 'do what its hooks do in the drain of a resource, or let lameduck run it in time'],
    ['exit-hook', 'SIGTERM and SIGINT', 'function bound exit', 'do what it does in the drain of a resource and remove it, or let lameduck run it in time'],
    ['node-graceful', 'SIGTERM and SIGINT', 'node-graceful', 'do what its listeners do in the drain of a resource, or let lameduck run it in time'],
  ])('%s', async (name, signals, owner, cure) => {
    const { stderr } = await beside(name, 'warn')
    const warnings = stderr.split('\n').filter((line) => line.includes(' for SIG'))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(`lameduck: warning: another listener for ${signals} acts before the service has drained, and may end the process (${owner}): ${cure}`)
  })

  test.each(['close-with-grace', 'exit-hook', 'async-exit-hook', 'node-graceful'])('and it is the truth: %s ends the process under a request', async (name) => {
    const { client, order, stderr } = await beside(name, 'warn')
    expect(client).toBe('socket hang up')
    expect(order).not.toContain('db drained')
    expect(stderr).toMatch(/process\.exit\((0|143)\) was called while stopping.*; http did not finish\./)
  })
})

describe('who does nothing unless it is alone is not told of', () => {
  test.each(['signal-exit', 'signal-exit-3', 'execa', 'sentry'])('%s', async (name) => {
    const { code, client, stderr } = await beside(name, 'warn')
    expect({ code, client }).toEqual({ code: 0, client: 200 })
    expect(stderr).not.toContain('another listener')
  })
})

describe('who is adopted closes when traffic has drained, and ends nothing', () => {
  const all = ['asked', 'answered', 'neighbour closed', 'db drained']

  test.each(['apollo', 'close-with-grace', 'exit-hook', 'async-exit-hook', 'node-graceful'])('%s', async (name) => {
    const { code, client, order, report } = await beside(name, 'adopt')
    expect({ code, client, order }).toEqual({ code: 0, client: 200, order: all })
    expect(report).toMatchObject({ result: 'clean', steps: [{ name: 'http', outcome: 'drained' }, { name: 'other listeners', outcome: 'drained' }, { name: 'db' }] })
  })

  // They close the server themselves; beside httpServer() they find it closed, and exit with 1.
  test.each(['terminus', 'http-graceful-shutdown'])('%s, which drains the server itself', async (name) => {
    const { code, client, order, report } = await beside(name, 'adopt', 'itself')
    expect({ code, client, order }).toEqual({ code: 0, client: 200, order: all })
    expect(report).toMatchObject({ result: 'clean', steps: [{ name: 'other listeners', outcome: 'drained' }, { name: 'db' }] })
  })

  test.each(['terminus', 'http-graceful-shutdown'])('%s beside httpServer() has failed', async (name) => {
    const { code, client, report } = await beside(name, 'adopt')
    expect({ code, client }).toEqual({ code: 72, client: 200 })
    expect(report?.steps[1]?.errors).toEqual([expect.stringContaining('process.exit(1)')])
  })
})

describe('fastify-cli', () => {
  const start = (otherListeners: string): Promise<Stop> =>
    stopWith([bin('fastify'), 'start', '--address', '127.0.0.1', program('fastify-plugin')], { PORT: '0', OTHER_LISTENERS: otherListeners })

  test('closes the server at the signal by itself, and nobody waits for it', async () => {
    const { client, stderr } = await start('warn')
    expect(client).toBe('socket hang up')
    expect(stderr).toContain('(close-with-grace (which fastify-cli uses)): start the application with node')
  })

  test('is adopted', async () => {
    const { code, client, order, report } = await start('adopt')
    expect({ code, client, order }).toEqual({ code: 0, client: 200, order: ['asked', 'answered', 'neighbour closed', 'db drained'] })
    expect(report?.result).toBe('clean')
  })
})

describe('OpenTelemetry’s register preload', () => {
  async function spansThatArrive(otherListeners: string, end: NodeJS.Signals | 'crash' | 'stop()' = 'SIGTERM'): Promise<{ readonly names: readonly string[]; readonly ended: Ended }> {
    const names: string[] = []
    const collector = createServer((request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        names.push(...[...text.matchAll(/"name":"(first|second|third)"/g)].map(([, name = '']) => name))
        response.setHeader('content-type', 'application/json').end('{}')
      })
    })
    await once(collector.listen(0, '127.0.0.1'), 'listening')
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_NODE_RESOURCE_DETECTORS: 'none',
    }
    const command = [process.execPath, '--require', import.meta.resolve('@opentelemetry/auto-instrumentations-node/register').slice('file://'.length), program('traced'), otherListeners, end]
    const ended = await runService(command, { env, on: { ready: (child) => void (end.startsWith('SIG') && child.kill(end as NodeJS.Signals)) } })
    collector.close()
    return { names, ended }
  }

  test('ends its SDK at the signal, which is said', async () => {
    const { names, ended } = await spansThatArrive('warn')
    expect(names).toEqual(['first'])
    expect(ended.stderr).toContain("(OpenTelemetry's register preload): let lameduck run it in time")
  })

  test('is adopted, and the spans of the drain arrive', async () => {
    const { names, ended } = await spansThatArrive('adopt')
    expect(names.toSorted()).toEqual(['first', 'second', 'third'])
    expect(ended).toMatchObject({ code: 0, stderr: '', report: { result: 'clean' } })
  })

  // It listens to SIGTERM alone, and there is no warning that nothing flushes the SDK.
  test.each([['SIGINT', 0, 'clean'], ['crash', 1, 'failed'], ['stop()', 0, 'clean']] as const)('is adopted, and the spans of the drain arrive in a stop by %s', async (end, code, result) => {
    const { names, ended } = await spansThatArrive('adopt', end)
    expect(names.toSorted()).toEqual(['first', 'second', 'third'])
    expect(ended).toMatchObject({ code, report: { result } })
    expect(ended.stderr).not.toContain('warning')
  })
})

describe('nodemon', () => {
  async function restart(flags: readonly string[], signals: readonly string[]): Promise<Ended> {
    const folder = await mkdtemp(join(tmpdir(), 'lameduck-nodemon-'))
    await writeFile(join(folder, 'source.js'), '1')
    let starts = 0
    const ended = await runService([bin('nodemon'), ...flags, '--watch', folder, program('dev-service'), ...signals], {
      on: {
        ready(child) {
          starts += 1
          // It looks at what it watches a moment after the start.
          if (starts === 1) setTimeout(() => void writeFile(join(folder, 'source.js'), '2'), 500)
          else child.kill('SIGTERM')
        },
      },
    })
    await rm(folder, { recursive: true })
    return ended
  }
  const drains = ({ stdout }: Ended): number => stdout.filter((line) => line === 'db drained').length

  test('restarts with a signal that nobody listens to, which is said', async () => {
    const ended = await restart([], ['SIGTERM', 'SIGINT'])
    expect(drains(ended)).toBe(1)
    expect(ended.stderr).toContain("started by nodemon, which restarts it with SIGUSR2, and bindProcess() does not listen to that: the service will end without a drain. Pass signals: ['SIGTERM', 'SIGINT', 'SIGUSR2']")
  })

  test.each<[string, string[], string[]]>([
    ['its own signal', [], ['SIGTERM', 'SIGINT', 'SIGUSR2']],
    ['another signal', ['--signal', 'SIGTERM'], ['SIGTERM', 'SIGINT']],
  ])('restarts with a drain by %s', async (_, flags, signals) => {
    const ended = await restart(flags, signals)
    expect(drains(ended)).toBe(2)
    expect(ended.stderr).not.toContain('warning')
  })
})
