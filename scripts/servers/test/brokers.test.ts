import { once } from 'node:events'
import { connect } from 'node:net'
import { readdir, readFile } from 'node:fs/promises'
import { startBroker } from '@lameduck/servers'
import { serveBrokers } from '@lameduck/servers/vitest'
import { expect, onTestFinished, test, vi } from 'vitest'
import { temporary } from './temporary.ts'

test.each([
  ['nats', /^nats:/],
  ['mosquitto', /^mqtt:/],
  ['rabbitmq', /^amqp:\/\/guest:guest@/],
] as const)('%s accepts clients, stands still when it is told, and ends with everything that it has started', { timeout: 180_000 }, async (name, scheme) => {
  const broker = await startBroker(name)
  if (!broker.ok) throw new Error(broker.message)
  onTestFinished(async () => broker.stop())
  expect(broker.url).toMatch(scheme)
  const { hostname, port } = new URL(broker.url)
  const client = connect(Number(port), hostname)
  await once(client, 'connect')
  client.on('error', () => {})
  await broker.freeze()
  await broker.thaw()
  const below = await descendantsOf(broker.pid as number)
  await broker.stop()
  client.destroy()
  for (const pid of below) await vi.waitFor(async () => expect(await stateOf(pid)).toMatch(/gone|Z/))
})

test('the tests of a package find their URLs in the environment', { timeout: 60_000 }, async () => {
  onTestFinished(() => void delete process.env['NATS_URL'])
  const stop = await serveBrokers('nats')()
  expect(process.env['NATS_URL']).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/)
  await stop()
})

test('one that cannot be had is a message, and fails the run', async () => {
  const cacheFolder = await temporary()
  expect(await startBroker('mosquitto', { env: { PATH: '' }, cacheFolder })).toEqual({
    ok: false,
    name: 'mosquitto',
    message: 'No Mosquitto: there is no mosquitto on PATH, and no apt-get to fetch it with. To have one, install it (on Debian: apt-get install mosquitto).',
  })
  expect(await readdir(cacheFolder)).toEqual([])
})

async function descendantsOf(pid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((each) => /^\d+$/.test(each)).map(Number)
  const parents = await Promise.all(pids.map(async (each) => [each, Number(/^\d+ \(.*\) \S (\d+)/.exec(await readFile(`/proc/${each}/stat`, 'utf8').catch(() => ''))?.[1])] as const))
  const below = (parent: number): number[] => parents.filter(([, ppid]) => ppid === parent).flatMap(([child]) => [child, ...below(child)])
  return [pid, ...below(pid)]
}

async function stateOf(pid: number): Promise<string> {
  return /^\d+ \(.*\) (\S)/.exec(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))?.[1] ?? 'gone'
}
