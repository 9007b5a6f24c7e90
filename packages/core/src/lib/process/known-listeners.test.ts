import { expect, test } from 'vitest'
import { bindProcess } from './bind-process.ts'
import { yieldsToOthers } from './known-listeners.ts'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeProcess } from '../testing/fake-process.ts'

test.each([
  ['signal-exit 4', '() => { const listeners = this.#process.listeners(sig); if (listeners.length === count) this.unload() }', true],
  ['its like, minified', 'function(){1===process.listenerCount("SIGTERM")&&process.exit(1)}', true],
  ['a helper that ends the process', 'async () => { await close(); process.exit(0) }', false],
  ['one that has listeners of its own', 'function () { for (const listener of listeners) listener() }', false],
])('%s: whether it leaves the end to others', (_, source, yields) => {
  expect(yieldsToOthers(source)).toBe(yields)
})

test('each listener is told of once, under its name or how it begins', async () => {
  const target = createFakeProcess()
  function closeEverything(): void {}
  target.on('SIGTERM', closeEverything)
  target.once('SIGINT', closeEverything)
  target.on('SIGTERM', () => void process.uptime())
  target.on('SIGUSR2', () => {})
  const lifecycle = createLifecycle({ env: {} })
  await bindProcess(lifecycle, { process: target }).ready()
  target.on('SIGINT', closeEverything)
  target.on('SIGINT', function closeMore() {})
  await Promise.resolve()
  const cure = "do what it does in the drain of a resource and remove it, or let lameduck run it in time: bindProcess(lifecycle, { otherListeners: 'adopt' })"
  expect(target.stderrText.trim().split('\n')).toEqual([
    `lameduck: warning: another listener for SIGTERM and SIGINT acts before the service has drained, and may end the process (function closeEverything): ${cure}`,
    `lameduck: warning: another listener for SIGTERM acts before the service has drained, and may end the process (a nameless function that begins with \`() => void process.uptime()\`): ${cure}`,
    expect.stringMatching(/another listener for SIGINT acts .*\(function closeMore, added by .*\)/),
  ])
})

// graphile-worker 0.17 says so in the listener that `run()` installs.
test('the listener of graphile-worker is known, with its cure', async () => {
  const target = createFakeProcess()
  const logger = { info: (_text: string): void => {} }
  target.on('SIGTERM', (signal) => logger.info(`Received '${String(signal)}'; attempting global graceful shutdown...`))
  await bindProcess(createLifecycle({ env: {} }), { process: target }).ready()
  expect(target.stderrText).toMatch(/another listener for SIGTERM acts before .*graphile-worker.*: pass noHandleSignals: true to run\(\), and call runner\.stop\(\) in the drain/)
})
