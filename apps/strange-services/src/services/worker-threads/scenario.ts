import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'other-listeners',
  story: 'a worker thread with a pool of its own, which the main thread gives jobs that were answered 202',
  uses: ['postgres'],
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE hashes (id text, hash text)')
    const service = await start()
    const answers = await Promise.all(Array.from({ length: 30 }, async (_, n) => ({ id: `h${n}`, status: (await ask(`/h${n}`)).status })))
    await service.stop()
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id }) => id), done: await column('SELECT id FROM hashes') }
  },
}
