import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'pipeline',
  story: 'Kafka to PostgreSQL to Kafka, three partitions at once',
  uses: ['kafka', 'postgres'],
  losesNothing: true,
  async play({ id, kafka, start }) {
    const all = Array.from({ length: 60 }, (_, n) => `m${n}`)
    await Promise.all([kafka.topic(id, { messages: all, partitions: 3 }), kafka.topic(`${id}-out`)])
    const service = await start()
    await service.saw('began', 10)
    await service.stop()
    const [sent, kept] = await Promise.all([kafka.read(`${id}-out`), kafka.left(id, id)])
    return { accepted: all, done: sent.map((text) => text.slice(0, -1)), kept }
  },
}
