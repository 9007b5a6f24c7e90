import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'transaction',
  story: 'consume, transform, produce in one transaction of Kafka',
  uses: ['kafka'],
  losesNothing: true,
  async play({ id, kafka, start }) {
    const all = Array.from({ length: 30 }, (_, n) => `m${n}`)
    await Promise.all([kafka.topic(id, { messages: all }), kafka.topic(`${id}-out`)])
    const service = await start()
    await service.saw('began', 4)
    await service.stop()
    const [done, kept] = await Promise.all([kafka.read(`${id}-out`), kafka.left(id, id)])
    return { accepted: all, done, kept }
  },
}
