import type { Entry } from './graph.ts'
import { describeError } from '../describe-value.ts'
import type { Policy } from '../policy.ts'
import type { Chosen } from './chosen.ts'

/** Variables that platforms set whose own balancer or proxy leads clients to a service. */
const platforms: readonly (readonly [variable: string, platform: string])[] = [
  ['ECS_CONTAINER_METADATA_URI_V4', 'Amazon ECS'],
  ['ECS_CONTAINER_METADATA_URI', 'Amazon ECS'],
  ['K_SERVICE', 'Cloud Run or Knative'],
  ['CONTAINER_APP_NAME', 'Azure Container Apps'],
  ['WEBSITE_INSTANCE_ID', 'Azure App Service'],
  ['DYNO', 'Heroku'],
  ['FLY_APP_NAME', 'Fly.io'],
  ['RENDER', 'Render'],
]

/**
 * Warns of a service that has no lame duck although a balancer seems to lead clients to it: that goes on choosing it after the
 * signal, when the listener is closed.
 */
export function warnOfNoLameDuck(entries: Iterable<Entry>, policy: Policy, chosen: Chosen, env: NodeJS.ProcessEnv = process.env): string[] {
  if (policy.lameDuck.maxMs > 0 || chosen.lameDuck) return []
  const servers = [...entries].filter(({ resource }) => resource.drainFrom === 'lame-duck-end')
  const found = platforms.find(([variable]) => env[variable] !== undefined)
  const sign = found ? `this looks like ${found[1]} (${found[0]} is set)` : firstSign(servers)
  if (servers.length === 0 || sign === undefined) return []
  return [
    `${sign}, but the service has no lame duck. The balancer goes on sending clients for a while after the signal, and they are refused. ` +
      'Set policy.lameDuck.minMs to that while (5000 is usual in Kubernetes), or to 0 if there is none.',
  ]
}

function firstSign(servers: readonly Entry[]): string | undefined {
  return servers.map(signOf).find((sign) => sign !== undefined)
}

/** One that throws must not break the stop that the plan is made for. */
function signOf({ resource }: Entry): string | undefined {
  try {
    const sign: unknown = resource.behind?.()
    return typeof sign === 'string' && sign !== '' ? `${resource.name} seems to be behind a balancer (${sign})` : undefined
  } catch (error) {
    return `${resource.name} may be behind a balancer (behind: ${describeError(error)})`
  }
}
