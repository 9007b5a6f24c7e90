import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'last-callback',
  story: 'a logger with a buffer that takes the report and is flushed afterwards',
  uses: [],
  async play({ folder, start, ask }) {
    const service = await start()
    const asked = Array.from({ length: 5 }, async (_, n) => ({ id: `q${n}`, status: (await ask(`/q${n}`)).status }))
    await service.saw('began', 5)
    await service.stop()
    const answers = await Promise.all(asked)
    const lines = (await readFile(join(folder, 'log'), 'utf8')).split('\n').filter(Boolean)
    const logged = lines.map((line) => (JSON.parse(line) as { request: string }).request)
    return { accepted: [...answers.filter(({ status }) => status === 200).map(({ id }) => id), 'report-clean'], done: logged }
  },
}
