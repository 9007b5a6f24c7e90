import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'closed-too-soon',
  story: 'a Fastify plugin that writes what it has counted in its onClose hook',
  uses: ['postgres'],
  idsPerUnit: 12,
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE usage (id text, count int)')
    const service = await start()
    const asked = Array.from({ length: 12 }, async (_, n) => ({ id: `u${n}`, status: (await ask(`/u${n}`)).status }))
    await service.saw('began', 12)
    await service.stop()
    const answers = await Promise.all(asked)
    return { accepted: answers.filter(({ status }) => status === 200).map(({ id }) => id), done: await column('SELECT id FROM usage') }
  },
}
