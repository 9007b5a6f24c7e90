import { bindProcess, createLifecycle } from '@lameduck/core'

/**
 * Fifteen tests, of which the second does what is told to the lifecycle that the first has bound to the process.
 *
 * @param test `(name, run) => void`, of any runner
 */
export function suite(test, how = process.env.HOW) {
  const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const lifecycle = createLifecycle()
  if (how === 'fails to start') {
    lifecycle.add({
      name: 'db',
      phase: 'connections',
      drain: () => {},
      start: () => {
        throw new Error('no database')
      },
    })
  }
  let bound
  test('binds', async () => {
    bound = bindProcess(lifecycle)
    const error = await bound.ready().catch((reason) => reason)
    if (how === 'fails to start' && error?.message !== 'db could not start: no database') throw new Error(`ready() did not reject: ${error}`)
  })
  test('ends', async () => {
    if (how === 'is unbound') bound.unbind()
    if (how === 'stops' || how === 'is unbound') await lifecycle.stop()
    if (how === 'is told to leave') process.kill(process.pid, 'SIGTERM')
    if (how === 'throws late')
      setImmediate(() => {
        throw new Error('thrown late')
      })
    await after(400)
  })
  for (let number = 3; number <= 15; number += 1) test(`runs ${number}`, () => after(1))
}
