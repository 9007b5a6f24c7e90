import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

test('the snippet in the README is the file that is tested', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const tested = await readFile(new URL('readme.test.ts', import.meta.url), 'utf8')
  expect(/```ts\n(.*?)```/s.exec(readme)?.[1]).toBe(tested)
})
