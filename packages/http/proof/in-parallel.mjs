/** Calls `work` for each item, `jobs` at a time, in their order. */
export async function inParallel(jobs, items, work) {
  const left = [...items.entries()]
  const results = []
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return results
}
