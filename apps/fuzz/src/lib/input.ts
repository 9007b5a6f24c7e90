/** Reads choices out of bytes: the same bytes are the same choices, and a byte more or less is a slightly different input. After the last byte everything is 0. */
export interface Input {
  readonly isOver: boolean
  byte(): number
  /** A whole number below `limit`. */
  below(limit: number): number
  pick<T>(items: readonly T[]): T
  /** The next `length` bytes, or those that are left. */
  bytes(length: number): Buffer
}

export function readInput(bytes: Uint8Array): Input {
  let at = 0
  const input: Input = {
    get isOver() {
      return at >= bytes.length
    },
    byte: () => bytes[at++] ?? 0,
    below: (limit) => (limit <= 256 ? input.byte() : input.byte() * 256 + input.byte()) % limit,
    pick: (items) => items[input.below(items.length)] as (typeof items)[number],
    bytes(length) {
      const taken = Buffer.from(bytes.subarray(at, at + length))
      at += length
      return taken
    },
  }
  return input
}
