import type { Random } from './random.ts'

const longestInput = 400

/** An input like one that reached something new: up to eight small changes, or a half of it before a half of another. */
export function mutate(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  // What nothing has led to is tried, too.
  if (corpus.length === 0 || random(12) === 0) return Uint8Array.from({ length: 1 + random(120) }, () => random(256))
  const pick = (): Uint8Array => corpus[random(corpus.length)] as Uint8Array
  let bytes = [...pick()]
  if (random(4) === 0) {
    const other = pick()
    bytes = [...bytes.slice(0, random(bytes.length + 1)), ...other.subarray(random(other.length + 1))]
  }
  for (let left = 1 + random(8); left > 0; left -= 1) change(bytes, random)
  return Uint8Array.from(bytes.slice(0, longestInput))
}

function change(bytes: number[], random: Random): void {
  const at = random(bytes.length + 1)
  switch (random(6)) {
    case 0:
      return void bytes.splice(at, 1 + random(4))
    case 1:
      return void bytes.splice(at, 0, ...Array.from({ length: 1 + random(4) }, () => random(256)))
    case 2:
      return void bytes.splice(at, 0, ...bytes.slice(at, at + 1 + random(16)))
    case 3:
      return void bytes.splice(at, 1, (bytes[at] ?? 0) ^ (1 << random(8)))
    case 4:
      return void bytes.splice(at, 1, random(8))
    default:
      return void bytes.splice(at, 1, random(256))
  }
}
