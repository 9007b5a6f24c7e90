import type { Input } from './input.ts'
import type { Load } from './libraries.ts'

/** Something that must withstand foreign input. */
export interface Target {
  readonly name: string
  /** The promise that must hold. */
  readonly promise: string
  /** Prepares it once. What it returns lives through one input, and returns what was broken. */
  open(load: Load): Promise<(input: Input) => Promise<string | undefined> | string | undefined>
  /** Bugs that it must find within its time. */
  readonly mutants: readonly Mutant[]
}

/** A text that is there exactly once in a built file of a package, and what replaces it. */
export interface Mutant {
  readonly name: string
  /** Such as `core/build/lib/foreign-text.js`, under `packages`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}
