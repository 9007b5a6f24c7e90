import { LifecycleError, requireOptions, show } from '@lameduck/core'

export interface ProbePaths {
  /** @default '/livez' */
  readonly live?: string
  /** @default '/readyz' */
  readonly ready?: string
  /** @default '/startupz' */
  readonly startup?: string
}

/** With the defaults filled in. @throws LifecycleError `invalid-option`. */
export function validPaths(paths: ProbePaths = {}): Required<ProbePaths> {
  const { live = '/livez', ready = '/readyz', startup = '/startupz' } = requireOptions(paths, { live: true, ready: true, startup: true }, 'paths')
  for (const [name, path] of Object.entries({ live, ready, startup })) requirePath(path, `paths.${name}`)
  if (new Set([live, ready, startup]).size < 3) {
    throw new LifecycleError('invalid-option', `paths must differ; they are live ${live}, ready ${ready}, startup ${startup}`)
  }
  return { live, ready, startup }
}

/** @throws LifecycleError `invalid-option`. */
export function requirePath(path: unknown, where: string): void {
  if (typeof path === 'string' && /^\/[^?#\s]*[^?#\s/]$/.test(path)) return
  throw new LifecycleError('invalid-option', `${where} must begin with "/", without a "/" at its end or a query; it is ${show(path)}`)
}
