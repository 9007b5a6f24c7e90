import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { collectSuite, failuresOf } from './collect-suite.ts'
import { lineHarness } from './line-client.ts'

const check = 'stays quiet after force with a frozen peer that answers again'

// The timer is older than the subject, as one would be that many clients share.
test.each([
  [50, []],
  [2_500, [check]],
])('a resource that comes back after 1 s is seen when it is watched for longer: %d ms', async (quietMs, caughtBy) => {
  let comeBack = (): void => {}
  let backAt = Infinity
  const shared = setInterval(() => {
    if (performance.now() < backAt) return
    backAt = Infinity
    comeBack()
  }, 10)
  onTestFinished(() => clearInterval(shared))
  const harness = lineHarness(true, ({ resource, link }) => ({
    force(context) {
      backAt = performance.now() + 1_000
      comeBack = () => void connect(link.port, link.host).on('error', () => {}).unref()
      return resource.force?.(context)
    },
  }))
  const suite = collectSuite({ harness, quietMs }).filter(({ name }) => name === check)
  expect([...(await failuresOf(suite)).keys()]).toEqual(caughtBy)
})
