import type { PolicyOptions } from '@lameduck/core'
import type { ProbeSettings } from './policy-document.ts'
import type { SettingValue } from './settings.ts'

/** Which layer set a value, and to what. */
export interface Origin {
  /** The document's name, `options`, or the environment variable. */
  readonly layer: string
  readonly value: SettingValue
}

/** One value with its history, the layer that won last. */
export interface Setting {
  readonly path: string
  readonly value: SettingValue
  readonly set: readonly Origin[]
}

export interface ResolvedPolicy {
  /** For `createLifecycle({ policy: policy.options })`. What no layer set is left to core's defaults; `graceFrom` names the layer that set `graceMs`, for the report. */
  readonly options: PolicyOptions
  /** For `probeServer(lifecycle, policy.probes)`. */
  readonly probes: ProbeSettings & { readonly port: number }
  /** Every value that some layer set. */
  readonly settings: readonly Setting[]
  /** Names of the layers, the lowest first. */
  readonly layers: readonly string[]
}
