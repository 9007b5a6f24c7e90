import { request } from 'node:http'
import type { Scenario } from '../../lib/scenario.ts'

/** Sends a line, and the rest when it is told to. Resolves with the status, 0 without one. */
function upload(port: number, file: string, rest: Promise<void>): Promise<number> {
  return new Promise((resolve) => {
    const uploading = request({ port, path: `/${file}`, method: 'POST', agent: false }, (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)))
    uploading.on('error', () => resolve(0))
    uploading.write('first\n')
    void rest.then(() => uploading.end(Array.from({ length: 30 }, (_, n) => `line ${n}`).join('\n')))
  })
}

export const scenario: Scenario = {
  kind: 'transaction',
  story: 'uploads that are streamed into a table, still coming in at the signal',
  uses: ['postgres'],
  async play({ sql, column, start }) {
    await sql('CREATE TABLE lines (file text, line int, text text)')
    const service = await start()
    let goOn = (): void => {}
    const rest = new Promise<void>((resolve) => (goOn = resolve))
    const files = ['f0', 'f1', 'f2']
    const uploads = files.map(async (file) => ({ file, status: await upload(service.port, file, rest) }))
    await service.saw('began', 3)
    const stopped = service.stop()
    goOn()
    const answers = await Promise.all(uploads)
    await stopped
    const answered = answers.filter(({ status }) => status > 0).map(({ file }) => `answer-${file}`)
    const committed = await column('SELECT file FROM lines GROUP BY file HAVING count(*) = 31')
    return { accepted: [...files.map((file) => `answer-${file}`), ...answers.filter(({ status }) => status === 201).map(({ file }) => file)], done: [...answered, ...committed] }
  },
}
