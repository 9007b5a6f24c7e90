/** The container of an application, which it keeps to itself; alike in Nest 10, 11 and 12. */
export interface WithContainer {
  readonly container?: { getModules(): ReadonlyMap<unknown, { readonly providers: ReadonlyMap<unknown, InstanceWrapper> }> }
}

export interface InstanceWrapper {
  readonly instance?: unknown
  readonly metatype?: unknown
}

/** Every provider of every module, with its token. */
export function providersOf({ container }: WithContainer): [token: unknown, wrapper: InstanceWrapper][] {
  return [...(container?.getModules().values() ?? [])].flatMap(({ providers }) => [...providers])
}
