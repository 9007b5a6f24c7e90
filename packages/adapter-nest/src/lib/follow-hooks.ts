import { hostsOf, type WithContainer } from './nest-container.ts'

/** In the order in which `app.close()` calls them. */
const hooks = ['onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'] as const

type Hook = (this: unknown, ...parameters: unknown[]) => unknown

/**
 * Follows the shutdown hooks of an application from now on: Nest 12 logs what they fail with, and `app.close()` resolves as if they had
 * done what they are for, such as writing what they have collected. Returns what they have failed with so far.
 */
export function followHooks(app: WithContainer): readonly unknown[] {
  const failures: unknown[] = []
  for (const host of hostsOf(app)) {
    for (const name of hooks) {
      const hook = host[name]
      // What is frozen stays as it is.
      if (typeof hook === 'function') Reflect.set(host, name, followed(hook as Hook))
    }
  }
  return failures

  function followed(hook: Hook): Hook {
    return async function (this: unknown, ...parameters) {
      try {
        return await Reflect.apply(hook, this, parameters)
      } catch (error) {
        failures.push(error)
        throw error
      }
    }
  }
}
