import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'fails-in-drain',
  story: 'webhooks by an SDK of callbacks, to a partner who hangs up on a third of them',
  uses: [],
  expect: { result: 'failed', lost: 3 },
  async play({ upstream, start, ask }) {
    let goOn = (): void => {}
    const signalled = new Promise<void>((resolve) => (goOn = resolve))
    const partner = await upstream(async (what) => {
      await signalled
      return Number(what.slice(1)) % 3 === 0 ? 0 : 200
    })
    const service = await start({ PARTNER: partner.url })
    const answers = await Promise.all(Array.from({ length: 9 }, async (_, n) => ({ id: `w${n}`, status: (await ask(`/w${n}`, { method: 'POST' })).status })))
    await partner.asked(9)
    const stopped = service.stop()
    goOn()
    await stopped
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id }) => id), done: partner.received }
  },
}
