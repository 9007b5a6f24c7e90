/** The smallest input found that still fails: pieces are left out, halves first, then bytes become 0. It stops when the time is over. */
export async function minimise(bytes: Uint8Array, fails: (bytes: Uint8Array) => Promise<boolean>, limitMs: number): Promise<Uint8Array> {
  const until = performance.now() + limitMs
  let best = bytes
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length && performance.now() < until; ) {
      const shorter = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)])
      if (await fails(shorter)) best = shorter
      else at += size
    }
  }
  for (let at = 0; at < best.length && performance.now() < until; at += 1) {
    if (best[at] === 0) continue
    const simpler = Uint8Array.from(best)
    simpler[at] = 0
    if (await fails(simpler)) best = simpler
  }
  return best
}
