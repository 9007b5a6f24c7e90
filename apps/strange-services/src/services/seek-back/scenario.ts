import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'deferred',
  story: 'a handler that seeks back to the message that failed, after the signal',
  uses: ['kafka'],
  losesNothing: true,
  async play({ id, kafka, upstream, start }) {
    const all = Array.from({ length: 8 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    let refuse = (): void => {}
    const signalled = new Promise<void>((resolve) => (refuse = resolve))
    const partner = await upstream(async (what) => {
      if (what !== 'm3') return 200
      await signalled
      return 503
    })
    const service = await start({ PARTNER: partner.url })
    await partner.asked(4)
    const stopped = service.stop()
    refuse()
    await stopped
    return { accepted: all, done: partner.received, kept: await kafka.left(id, id) }
  },
}
