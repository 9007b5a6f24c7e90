import { expect, it } from 'vitest'
import { describeError, describeWithStack } from './describe-error.ts'

it("a stranger's text is one line of at most 2,000 characters, and takes no time", () => {
  const began = performance.now()
  const evil = `\u001b[2J${' '.repeat(1_000_000)}\n${'x'.repeat(1_000_000)}`
  for (const error of [new Error(evil), evil, Object.assign(new Error(evil), { code: evil })]) {
    expect(describeError(error)).not.toMatch(/\p{Cc}/u)
    expect(describeError(error).length).toBeLessThan(2_100)
    expect(describeWithStack(error).length).toBeLessThan(16_100)
  }
  expect(performance.now() - began).toBeLessThan(2_000)
})
