import { describe, expect, test } from 'vitest'
import { callerOf } from './call-site.ts'

/** As `Error.stack` has them in a listener of `exit`. */
const exit = ['noticeExit (file:///app/node_modules/@lameduck/core/dist/core.js:1:2)', 'process.emit (node:events:524:28)', 'process.exit (node:internal/process/per_thread:184:15)']
const isExit = /^(?:[\w$.]+\.)?(?:exit|reallyExit) \(node:/

describe('who called is the first frame of the service behind the call', () => {
  test.each([
    ['a function', ['closeAll (file:///app/main.js:3:4)', 'process.emit (node:events:524:28)'], 'closeAll (file:///app/main.js:3:4)'],
    ['the top of a module', ['file:///app/main.js:3:4', 'ModuleJob.run (node:internal/modules/esm/module_job:325:25)'], 'file:///app/main.js:3:4'],
    ['a function behind a loop of the language', ['Array.forEach (<anonymous>)', 'new Promise (<anonymous>)', 'all (/app/close.cjs:9:9)'], 'all (/app/close.cjs:9:9)'],
    ['nobody', ['process.processTicksAndRejections (node:internal/process/task_queues:81:21)'], undefined],
  ])('%s', (_, rest, caller) => {
    expect(callerOf([...exit, ...rest], isExit)).toBe(caller)
  })

  test('where there was no call there is no caller', () => {
    expect(callerOf(['onExit (file:///app/core.js:1:2)', 'process.emit (node:events:524:28)'], isExit)).toBeUndefined()
  })
})
