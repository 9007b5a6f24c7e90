import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const fileOf = (target: string): string => fileURLToPath(new URL(`../../corpus/${target}.txt`, import.meta.url))

/** What was found earlier, one input in hexadecimal on each line. It is run before anything new. */
export async function readCorpus(target: string): Promise<Uint8Array[]> {
  const text = await readFile(fileOf(target), 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [Buffer.from(line, 'hex')]))
}

export async function writeCorpus(target: string, inputs: readonly Uint8Array[]): Promise<void> {
  await writeFile(fileOf(target), `${inputs.map((input) => Buffer.from(input).toString('hex')).join('\n')}\n`)
}
