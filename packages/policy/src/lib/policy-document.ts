import type { PolicyOptions } from '@lameduck/core'

/** Where the probes answer; made to be handed to `probeServer(lifecycle, policy.probes)` of `@lameduck/probes`. */
export interface ProbeSettings {
  /** @default 9090 */
  readonly port?: number
  /** @default /livez, /readyz, /startupz */
  readonly paths?: { readonly live?: string; readonly ready?: string; readonly startup?: string }
}

/** How far a later layer may change a value, both ends included; `{}` means: to anything. Both must be numbers. */
export interface Bounds {
  readonly min?: number
  readonly max?: number
}

/** One layer of a policy, as it is written: all of it plain JSON. */
export interface PolicyDocument extends Omit<PolicyOptions, 'graceFrom'> {
  /** What it is called in explanations and errors. @default the file's path, or 'the service' */
  readonly name?: string
  /** The layer below: a JSON file (`./base.json`, relative to this one) or an npm package whose main entry is one. */
  readonly extends?: string
  readonly probes?: ProbeSettings
  /**
   * What the layers above and the environment may change, by path (`"lameDuck.minMs"`). Without it: everything. With
   * it: only what is listed, within its bounds.
   */
  readonly allow?: Readonly<Record<string, Bounds>>
}
