import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { get, rawClient } from './support/raw-client.ts'
import { runService, snippetOf, type Service } from './support/snippets.ts'

const readme = new URL('../README.md', import.meta.url)
const servers = new URL('../../../docs/http-servers.md', import.meta.url)

test('the README example ends its event stream and exits with 0', async () => {
  const service = await runService(await snippetOf(readme))
  const client = await rawClient(service.port)
  client.send(get('/events'))
  await client.until(/data: hello/)
  const { code, report } = await service.stop()
  await client.until(/event: bye\ndata:\n\n\r\n0\r\n\r\n$/)
  expect([code, report.result]).toEqual([0, 'clean'])
})

/** What people copied from here before: a listener for each client, which stays when the client has gone. */
const leaking = (source: string): string =>
  source.replace("endOnDrain(response, 'event: bye\\ndata:\\n\\n')", "lifecycle.draining.addEventListener('abort', () => response.end('event: bye\\ndata:\\n\\n'), { once: true })")

// Catches: what is copied from a README and kept for months.
test.each([
  ['as it is', 4_500],
  ['with a listener for each client', 1_000],
] as const)('500 clients of the README example come and go, and then more: %s, %i', async (how, clients) => {
  const source = await snippetOf(readme)
  expect(leaking(source)).not.toBe(source)
  const service = await runService(how === 'as it is' ? source : leaking(source), ['--expose-gc', '--import', new URL('programs/retained.mjs', import.meta.url).href])
  await churn(service, 500)
  const before = await retained(service)
  await churn(service, clients)
  let after = await retained(service)
  if (how === 'as it is') {
    // The service hears a moment later that the last ones have left.
    await expect.poll(async () => (after = await retained(service)).responses, { timeout: 20_000 }).toBeLessThan(20)
    // 200 bytes for each would be 0.9 MB; a listener with its answer is 4.5 kB.
    expect(after.heapBytes - before.heapBytes).toBeLessThan(2_000_000)
  } else {
    expect(after.responses).toBeGreaterThan(1_400)
    expect(after.heapBytes - before.heapBytes).toBeGreaterThan(2_000_000)
  }
  const { code, report } = await service.stop()
  expect([code, report.result]).toEqual([0, 'clean'])
}, 60_000)

test('the metrics server of the page on HTTP servers answers while a request is in flight, and goes last', async () => {
  const service = await runService((await snippetOf(servers, 'A server that stays to the end')).replace('9464', '0'))
  const metricsPort = Number(/^metrics on (\d+)$/.exec(await service.line())?.[1])
  const client = await rawClient(service.port)
  client.send(get('/'))
  const scrape = async (): Promise<string> => {
    const scraper = await rawClient(metricsPort)
    scraper.send(get('/metrics'))
    return scraper.until(/handled \d+\n$/)
  }
  // Answered behind the request, which is in flight then.
  await scrape()
  const stopped = service.stop()
  await expect.poll(() => refused(service.port)).toBe(true)
  expect(await scrape()).toMatch(/handled 0\n$/)
  expect(await client.until(/ok\n$/)).toMatch(/connection: close/i)
  const { code, report } = await stopped
  expect([code, report.result]).toEqual([0, 'clean'])
  expect(report.steps.map(({ name }) => name)).toEqual(['http', 'metrics'])
})

test('the README names every option with its default', async () => {
  const text = await readFile(readme, 'utf8')
  const source = await readFile(new URL('../src/lib/http-server-options.ts', import.meta.url), 'utf8')
  const options = /export interface HttpServerOptions \{([^]*?)\n\}/.exec(source)?.[1] ?? ''
  const names = [...options.matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => match[1])
  const documented = [...text.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])
  expect(documented).toEqual(names)
  for (const [name, ms] of [['unusedGraceMs', '500'], ['unbegunGraceMs', '5000']] as const) {
    expect(text).toContain(`| \`${name}\` | ${ms} |`)
    expect(source).toContain(`${name}: ${ms.replace('5000', '5_000')}`)
  }
})

/** So many clients, 100 at a time, each of which reads the first event and leaves. */
async function churn({ port }: Service, clients: number): Promise<void> {
  let left = clients
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' }, () => void socket.write(get('/events')))
      socket.on('error', reject).on('close', () => resolve())
      socket.on('data', (data: Buffer) => {
        if (data.includes('data: hello')) socket.destroy()
      })
    })
  const several = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await one()
    }
  }
  await Promise.all(Array.from({ length: 100 }, several))
}

async function retained({ line, signal }: Service): Promise<{ readonly responses: number; readonly heapBytes: number }> {
  signal('SIGUSR2')
  return JSON.parse(await line()) as { responses: number; heapBytes: number }
}

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy()
      resolve(false)
    })
    socket.on('error', () => resolve(true))
  })
}
