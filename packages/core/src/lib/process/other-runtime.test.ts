import { expect, test } from 'vitest'
import { describeOtherRuntime } from './other-runtime.ts'

test('names a runtime that is not Node.js, and what is missing there', () => {
  const { bun: _bun, deno: _deno, ...node } = process.versions
  expect(describeOtherRuntime(node)).toBeUndefined()
  expect(describeOtherRuntime({ ...node, bun: '1.4.5' })).toMatch(/^this process runs on Bun 1\.4\.5, and lameduck is made for Node\.js\. Here an unhandled rejection .* Start it with node\.$/)
  expect(describeOtherRuntime({ ...node, deno: '2.9.6' })).toMatch(/^this process runs on Deno 2\.9\.6, /)
})
