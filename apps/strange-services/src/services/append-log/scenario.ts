import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'a log file through a stream whose buffer is full of what was answered',
  uses: [],
  async play({ folder, start, ask }) {
    const service = await start()
    const answers = await Promise.all(Array.from({ length: 60 }, async (_, n) => ({ id: `l${n}`, status: (await ask(`/l${n}`)).status })))
    await service.stop()
    const text = await readFile(join(folder, 'log'), 'utf8').catch(() => '')
    const whole = text.split('\n').filter((line) => /^l\d+ \.{2000}$/.test(line))
    return { accepted: answers.filter(({ status }) => status === 204).map(({ id }) => id), done: whole.map((line) => line.split(' ')[0] ?? '') }
  },
}
