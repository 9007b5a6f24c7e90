import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'crash-report',
  story: 'spans of the last requests, flushed in the phase telemetry',
  uses: [],
  async play({ upstream, start, ask }) {
    const collector = await upstream()
    const service = await start({ COLLECTOR: collector.url })
    const asked = Array.from({ length: 6 }, async (_, n) => ({ id: `s${n}`, status: (await ask(`/s${n}`)).status }))
    await service.saw('began', 6)
    await service.stop()
    const answers = await Promise.all(asked)
    return { accepted: answers.filter(({ status }) => status === 200).map(({ id }) => id), done: collector.received }
  },
}
