import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { findFreePort } from './free-port.ts'

// Catches: two rehearsals of one seed, side by side, that give the same port to two replicas.
test('two that look at the same time do not look for the same ports', async () => {
  const find = async (): Promise<number[]> => {
    const taken = new Set<number>()
    for (let n = 0; n < 5; n += 1) await findFreePort(taken)
    return [...taken]
  }
  const [one, other] = await Promise.all([find(), find()])
  expect(one).not.toEqual(other)
})

test('a port that was given out is not given out again, and can be listened on', async () => {
  const taken = new Set<number>()
  const ports = [await findFreePort(taken), await findFreePort(taken), await findFreePort(taken)]
  expect(new Set(ports).size).toBe(3)
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(ports[0], '127.0.0.1', resolve))
  await new Promise((resolve) => server.close(resolve))
})
