import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Kafka } from 'kafkajs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { startBroker, type Broker } from './support/broker.ts'
import { createTopic, kafkaConfig, look, readValues } from './support/topic.ts'

const orders = 600

let broker: Broker
beforeAll(async () => {
  broker = await startBroker()
  return () => broker.stop()
})

async function startService(file: string): Promise<{ child: ChildProcess; lines: string[] }> {
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KAFKA_BROKERS: broker.brokers.join(','), KUBERNETES_SERVICE_HOST: undefined, NODE_ENV: 'production', KAFKAJS_NO_PARTITIONER_WARNING: '1' },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const output = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  while (!lines.includes('ready')) await once(output, 'line')
  return { child, lines }
}

test('the service of the README ships every order once, over three lives', { timeout: 60_000 }, async () => {
  await createTopic(broker.brokers, orders, 'orders')
  await createTopic(broker.brokers, 0, 'shipments')
  const folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  await writeFile(`${folder}/snippet.mjs`, /```ts\n([^]*?)```/.exec(readme)?.[1] ?? '')
  const shipped = async (): Promise<number> => (await look(broker.brokers, 'shipping', 'shipments')).written

  for (const least of [1, orders / 3, orders]) {
    const { child, lines } = await startService(`${folder}/snippet.mjs`)
    const closed = once(child, 'close')
    await expect.poll(shipped, { timeout: 20_000, interval: 20 }).toBeGreaterThanOrEqual(least)
    child.kill('SIGTERM')
    expect((await closed)[0]).toBe(0)
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ lameduck: 'report', result: 'clean' })
    expect((await look(broker.brokers, 'shipping', 'orders')).committed).toBe(await shipped())
  }
  const values = await readValues(new Kafka(kafkaConfig(broker.brokers)), 'shipments', orders)
  expect(new Set(values).size, 'none is lost').toBe(orders)
  expect(values.length, 'none is shipped twice').toBe(orders)
})

test('the README names every option', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const documented = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])
  const named = async (file: string): Promise<(string | undefined)[]> => {
    const source = await readFile(new URL(`../src/lib/${file}`, import.meta.url), 'utf8')
    const body = /export interface \w+Options[^{]*\{([^]*?)\n\}/.exec(source)?.[1] ?? ''
    return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1])
  }
  expect(documented).toEqual([...(await named('kafka-consumer.ts')), ...(await named('resource-options.ts'))])
})
