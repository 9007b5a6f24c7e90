/** The container of an application, which it keeps to itself; alike in Nest 10, 11 and 12. */
export interface WithContainer {
  readonly container?: { getModules(): ReadonlyMap<unknown, ModuleParts> }
}

interface ModuleParts {
  readonly providers: Instances
  readonly controllers?: Instances
  readonly injectables?: Instances
  readonly middlewares?: Instances
}

type Instances = ReadonlyMap<unknown, InstanceWrapper>

export interface InstanceWrapper {
  readonly instance?: unknown
  readonly metatype?: unknown
}

/** Every provider of every module, with its token. */
export function providersOf({ container }: WithContainer): [token: unknown, wrapper: InstanceWrapper][] {
  return [...(container?.getModules().values() ?? [])].flatMap(({ providers }) => [...providers])
}

/** Every object whose hooks Nest calls, once: what modules provide, the modules themselves, controllers, guards and their like. */
export function hostsOf({ container }: WithContainer): ReadonlySet<Record<string, unknown>> {
  const parts = [...(container?.getModules().values() ?? [])].flatMap(({ providers, controllers, injectables, middlewares }) => [providers, controllers, injectables, middlewares])
  const instances = parts.flatMap((wrappers) => [...(wrappers?.values() ?? [])].map(({ instance }) => instance))
  return new Set(instances.filter((instance): instance is Record<string, unknown> => typeof instance === 'object' && instance !== null))
}
