import { readFile } from 'node:fs/promises'
import { Kafka } from 'kafkajs'
import { beforeAll, expect, test } from 'vitest'
import { startBroker, type Broker } from './support/broker.ts'
import { readSnippets, startSnippet } from './support/snippet.ts'
import { createTopic, kafkaConfig, look, readValues } from './support/topic.ts'

const orders = 600

let broker: Broker
beforeAll(async () => {
  broker = await startBroker()
  return () => broker.stop()
})

test('the service of the README ships every order once, over three lives', { timeout: 60_000 }, async () => {
  await createTopic(broker.brokers, orders, 'orders')
  await createTopic(broker.brokers, 0, 'shipments')
  const [source = ''] = await readSnippets('README.md')
  const shipped = async (): Promise<number> => (await look(broker.brokers, 'shipping', 'shipments')).written

  for (const least of [1, orders / 3, orders]) {
    const { child, ended } = await startSnippet(broker, source)
    await expect.poll(shipped, { timeout: 20_000, interval: 20 }).toBeGreaterThanOrEqual(least)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, report: { lameduck: 'report', result: 'clean' } })
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
