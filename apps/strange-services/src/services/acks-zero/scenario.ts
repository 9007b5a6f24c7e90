import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'a producer with acks 0 and large messages, on their way when the last request is answered',
  uses: ['kafka'],
  losesNothing: true,
  unknowable: 'nobody acknowledges what is sent with acks 0, so that a broker which dies takes it along unseen',
  // Who says that this cannot be known is right as well.
  expect: { result: ['clean', 'unknown'], lost: 0 },
  async play({ id, kafka, start, ask }) {
    await kafka.topic(id)
    const service = await start()
    const asked = Array.from({ length: 60 }, async (_, n) => ({ id: `d${n}`, status: (await ask(`/d${n}`)).status }))
    await service.saw('began', 60)
    await service.stop()
    const answers = await Promise.all(asked)
    // Nobody acknowledges them: what is in the kernel's buffers gets there when the process is gone.
    await kafka.settled(id, 61)
    return { accepted: answers.filter(({ status }) => status === 204).map(({ id: device }) => device), done: (await kafka.read(id)).map((text) => text.split(' ')[0] ?? '') }
  },
}
