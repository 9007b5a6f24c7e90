import { readFile } from 'node:fs/promises'
import { request, type ClientRequest } from 'node:http'
import { join } from 'node:path'
import type { Scenario } from '../../lib/scenario.ts'

/** Resolves when the first of the answer is there. */
function begin(port: number, id: string): Promise<ClientRequest> {
  return new Promise((resolve) => {
    const asking = request({ host: '127.0.0.1', port, path: `/${id}`, method: 'POST', agent: false }, (answer) => {
      answer.on('error', () => {}).once('data', () => resolve(asking))
    })
    asking.on('error', () => {}).end()
  })
}

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'clients leave in the middle of an answer, whose handler has still to write',
  uses: [],
  expect: { result: 'unknown' },
  async play({ folder, start }) {
    const service = await start()
    const ids = Array.from({ length: 12 }, (_, n) => `p${n}`)
    const clients = await Promise.all(ids.map((id) => begin(service.port, id)))
    for (const client of clients.slice(0, 6)) client.destroy()
    await service.saw('left', 6)
    const stopped = service.stop()
    // One that leaves at once never says so.
    await Promise.race([stopped, service.saw('draining', 1).catch(() => stopped)])
    for (const client of clients) client.destroy()
    await stopped
    const text = await readFile(join(folder, 'imported'), 'utf8').catch(() => '')
    return { accepted: ids, done: text.split('\n').filter(Boolean) }
  },
}
