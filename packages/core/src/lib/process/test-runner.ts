/** What each runner leaves in the process that runs tests, and not in the processes that a test starts, which inherit the environment. */
const signs: readonly (readonly [name: string, isIt: () => boolean])[] = [
  ['vitest', () => '__vitest_worker__' in globalThis],
  ['jest', () => Symbol.for('$$jest-matchers-object') in globalThis],
  ['mocha', () => /[\\/]_?mocha(\.[cm]?js)?$/.test(process.argv[1] ?? '') || 'Mocha' in globalThis],
  ['node:test', () => loadedModules().includes('NativeModule internal/test_runner/harness')],
  ['a test runner', () => ['describe', 'it'].every((name) => typeof (globalThis as Record<string, unknown>)[name] === 'function')],
]

/**
 * The name of the test runner whose tests this process runs, if any. Its process must not be ended with code 0 in the middle of the
 * tests: the runner would take that for their end.
 */
export function findTestRunner(): string | undefined {
  return signs.find(([, isIt]) => isIt())?.[0]
}

/** Node's own list, which no page describes: it is the only sign of `node:test` in the process. */
function loadedModules(): readonly string[] {
  return (process as { moduleLoadList?: readonly string[] }).moduleLoadList ?? []
}
