import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { ClientProxyFactory, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'

const run = promisify(execFile)
const titles = ['A hybrid application', 'Gateways', 'A strategy of your own', 'Terminus', 'Streams without an end'] as const

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(new URL('.nestjs-page-', import.meta.url).pathname)
  const page = await readFile(new URL('../../../docs/nestjs.md', import.meta.url), 'utf8')
  const programs = page.split(/^## /m).slice(1).flatMap((section) => [...section.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => [section.split('\n')[0], code] as const))
  expect(programs.map(([title]) => title)).toEqual(titles)
  await Promise.all(programs.map(async ([title, code]) => writeFile(fileOf(title, 'mts'), code ?? '')))
  const tsc = new URL('../../../node_modules/typescript/bin/tsc', import.meta.url).pathname
  const options = ['--ignoreConfig', '--strict', '--target', 'es2023', '--module', 'nodenext', '--skipLibCheck', '--types', 'node', '--experimentalDecorators', '--emitDecoratorMetadata']
  await run(process.execPath, [tsc, ...options, ...programs.map(([title]) => fileOf(title, 'mts'))]).catch(({ stdout }: { stdout: string }) => expect.unreachable(stdout))
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

test('A hybrid application', async () => {
  const program = await start('A hybrid application')
  const client = ClientProxyFactory.create({ transport: Transport.RMQ, options: { urls: [process.env['AMQP_URL'] ?? ''], queue: 'orders', queueOptions: { durable: false } } })
  onTestFinished(async () => void (await client.close()))
  const price = firstValueFrom(client.send<number>('price', 'tea'))
  await firstValueFrom(client.emit('order', 'tea'), { defaultValue: undefined })
  await program.said('asked for the price of tea')
  await program.said('to ship: tea')
  const { report, lines } = await program.stop()
  expect(await price).toBe(3)
  expect(lines).toContain('shipped: tea')
  expect(report).toMatchObject({ result: 'clean', steps: [expect.objectContaining({ name: 'nest', inFlight: { atStop: 2, atStart: expect.any(Number) as number }, work: expect.objectContaining({ done: 2 }) as object })] })
})

test('Gateways', async () => {
  const port = await freePort()
  const program = await start('Gateways', { WS_PORT: String(port) })
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  await once(socket, 'open')
  const closed = once(socket, 'close')
  const answer = once(socket, 'message') as Promise<[Buffer]>
  socket.send(JSON.stringify({ event: 'price', data: 'tea' }))
  await program.said('asked for the price of tea')
  const { report, lines } = await program.stop()
  expect(String((await answer)[0])).toBe('3')
  expect((await closed)[0]).toBe(1001)
  expect(lines.indexOf('has left')).toBeGreaterThan(0)
  expect(report).toMatchObject({ result: 'clean' })
})

test('A strategy of your own', async () => {
  const program = await start('A strategy of your own')
  program.child.stdin?.write('first\n')
  await program.said('read first')
  program.child.kill('SIGTERM')
  await program.said('takes no more')
  program.child.stdin?.write('second\n')
  const { report, lines } = await program.stop()
  expect(lines.filter((line) => !line.startsWith('{'))).toEqual(['ready', 'read first', 'takes no more', 'handled first', 'closed'])
  expect(report).toMatchObject({ result: 'clean' })
  expect(program.stderr()).not.toContain('strategy')
})

test('Terminus', async () => {
  const port = await freePort()
  // Elsewhere than in Kubernetes there is none, and nobody could ask meanwhile.
  const code = await readFile(fileOf('Terminus', 'mjs'), 'utf8')
  expect(code).toContain('createLifecycle()')
  await writeFile(fileOf('Terminus', 'mjs'), code.replace('createLifecycle()', 'createLifecycle({ policy: { lameDuck: { minMs: 1_500 } } })'))
  const program = await start('Terminus', { PORT: String(port) })
  const health = async (): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    return [response.status, ((await response.json()) as { status: string }).status]
  }
  expect(await health()).toEqual([200, 'ok'])
  program.child.kill('SIGTERM')
  await expect.poll(health).toEqual([503, 'error'])
  expect((await program.stop()).report).toMatchObject({ result: 'clean' })
})

test('Streams without an end', async () => {
  const port = await freePort()
  const program = await start('Streams without an end', { PORT: String(port) })
  const response = await fetch(`http://127.0.0.1:${port}/prices`)
  let text = ''
  let stopped: ReturnType<Program['stop']> | undefined
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString()
    if (text.includes('data: {"tick":')) stopped ??= program.stop()
  }
  expect((await stopped)?.report).toMatchObject({ result: 'clean' })
})

interface Program {
  readonly child: ChildProcess
  said(line: string): Promise<void>
  stderr(): string
  /** Sends SIGTERM; resolves when the process is gone. */
  stop(): Promise<{ report: unknown; lines: string[] }>
}

async function start(title: (typeof titles)[number], env: NodeJS.ProcessEnv = {}): Promise<Program> {
  const child = spawn(process.execPath, [fileOf(title, 'mjs')], { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], AMQP_URL: process.env['AMQP_URL'], PORT: '0', ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'close') as Promise<[number | null]>
  const lines: string[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const said = async (line: string): Promise<void> => expect.poll(() => [...lines, stderr], { timeout: 60_000 }).toContain(line)
  await said('ready')
  return {
    child,
    said,
    stderr: () => stderr,
    async stop() {
      child.kill('SIGTERM')
      const [code] = await exited
      expect(code).toBe(0)
      return { report: JSON.parse(lines.find((line) => line.startsWith('{"lameduck":"report"')) ?? '{}') as unknown, lines }
    },
  }
}

function fileOf(title: string | undefined, extension: 'mts' | 'mjs'): string {
  return `${folder}/${String(title).toLowerCase().replaceAll(' ', '-')}.${extension}`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
