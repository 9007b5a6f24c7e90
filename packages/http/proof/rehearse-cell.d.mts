import type { LoadOptions, RehearsalOptions } from '@lameduck/rehearsal'

export interface Cell {
  readonly sent: number
  readonly lost: number
  readonly refused: number
  readonly refusedLimit: number
  readonly unanswered: number
  readonly exits: number
  readonly killed: number
  readonly exitMs: readonly number[]
  readonly reasons: Readonly<Record<string, number>>
  readonly troubles: readonly string[]
}

export interface CellOptions extends Partial<Omit<RehearsalOptions, 'env'>> {
  readonly scenario: { readonly protocol: string; readonly load?: LoadOptions; readonly leastSent?: number }
  readonly strategy: string
  readonly delayMs: number
  readonly propagationMs: number
  readonly windowMs?: number
}

/** See rehearse-cell.mjs. */
export function rehearseCell(options: CellOptions): Promise<Cell>
