import { expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import type { PolicyOptions } from '../policy.ts'
import type { Resource } from '../resource.ts'
import { createFakeClock } from '../testing/fake-clock.ts'

const server: Resource = { name: 'http', phase: 'intake', drainFrom: 'lame-duck-end', behind: () => 'requests with X-Forwarded-For', drain: () => {} }

function warningsOf(own: Partial<Resource>, policy: PolicyOptions = {}, env: NodeJS.ProcessEnv = {}): readonly string[] {
  const lifecycle = createLifecycle({ clock: createFakeClock(), env, policy })
  lifecycle.add({ ...server, ...own })
  return lifecycle.plan().warnings
}

// Catches: the default outside Kubernetes, which is right for a laptop, and loses requests behind a balancer that nobody told of.
test('a service without a lame duck behind what looks like a balancer is a warning, in the plan and in the report', async () => {
  const expected = [expect.stringMatching(/^http seems to be behind a balancer \(requests with X-Forwarded-For\), but the service has no lame duck\. .*policy\.lameDuck\.minMs/)]
  expect(warningsOf({})).toEqual(expected)
  const signs: string[] = []
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add({ ...server, behind: () => signs[0] })
  await lifecycle.start()
  expect(lifecycle.plan().warnings).toEqual([])
  signs.push('requests with X-Forwarded-For')
  expect((await lifecycle.stop()).warnings).toEqual(expected)
})

test.each([
  ['ECS_CONTAINER_METADATA_URI_V4', 'Amazon ECS'],
  ['ECS_CONTAINER_METADATA_URI', 'Amazon ECS'],
  ['K_SERVICE', 'Cloud Run or Knative'],
  ['CONTAINER_APP_NAME', 'Azure Container Apps'],
  ['WEBSITE_INSTANCE_ID', 'Azure App Service'],
  ['DYNO', 'Heroku'],
  ['FLY_APP_NAME', 'Fly.io'],
  ['RENDER', 'Render'],
])('the platform that sets %s has a balancer', (variable, platform) => {
  expect(warningsOf({ behind: () => undefined }, {}, { [variable]: 'x' })).toEqual([expect.stringMatching(`^this looks like ${platform} \\(${variable} is set\\), but the service has no lame duck`)])
})

test.each<[string, Partial<Resource>, PolicyOptions, NodeJS.ProcessEnv]>([
  ['without a sign', { behind: () => undefined }, {}, {}],
  ['where there is a lame duck', {}, { lameDuck: { minMs: 100 } }, {}],
  ['in Kubernetes, where there is one by default', {}, {}, { KUBERNETES_SERVICE_HOST: '10.0.0.1', RENDER: 'true' }],
  ['where none was chosen', {}, { lameDuck: { minMs: 0 } }, { DYNO: 'web.1' }],
  ['of what goes on serving to the end', { drainFrom: 'phase' }, {}, { DYNO: 'web.1' }],
])('no warning %s', (_what, own, policy, env) => {
  expect(warningsOf(own, policy, env)).toEqual([])
})

test('a behind() that throws is told, and breaks nothing', () => {
  const throws = (): string => {
    throw new Error('no idea')
  }
  expect(warningsOf({ behind: throws })).toEqual([expect.stringMatching(/^http may be behind a balancer \(behind: no idea/)])
  expect(() => createLifecycle({ env: {} }).add({ ...server, behind: 'nginx' as never })).toThrow('behind must be a function')
})
