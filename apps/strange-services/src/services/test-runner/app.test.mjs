import { test } from 'node:test'
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'app', phase: 'work', drain() {} })
await bindProcess(lifecycle, { onReport: () => {} }).ready()

const pause = () => new Promise((resolve) => setTimeout(resolve, 50))
test('test 1', pause)
test('test 2', async () => {
  await lifecycle.stop()
  await pause()
})
test('test 3', pause)
test('test 4', pause)
test('test 5', pause)
