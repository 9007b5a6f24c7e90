import { answer } from '../../packages/core/bench/answer.mjs'

/** One client in a process of its own: `program.mjs <client> <program> <url> <options as JSON>`. */

/** As many operations in flight at once. */
const concurrency = 32
/** Whoever has not closed by then waits for something that is not going to happen soon. */
const patienceMs = 5_000

const [clientName, programName, url, options] = process.argv.slice(2)
const { open } = await import(`./clients/${clientName}.mjs`)
const client = await open(programName, url, JSON.parse(options))
let cut = 0
// Nobody waits for what is cut here; that it is cut is counted where it matters.
process.on('unhandledRejection', () => (cut += 1))

answer({
  /** CPU time of so many operations, in µs for one. */
  async work({ operation, count }) {
    const { user, system } = process.cpuUsage()
    let left = count
    const worker = async () => {
      while (left > 0) {
        left -= 1
        await client.work[operation]()
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    const used = process.cpuUsage()
    return (used.user + used.system - user - system) / count
  },

  /** Closes it, with work in flight if `busy`. How long until it was closed and all that could settle had, and what became of the work. */
  async leave({ busy }) {
    const work = busy ? await client.busy() : []
    const begunAt = performance.now()
    const outcome = { done: 0, failed: 0 }
    const settled = work.map((promise) =>
      promise.then(
        () => (outcome.done += 1),
        () => (outcome.failed += 1),
      ),
    )
    const closed = client.resource ? drain() : client.close()
    const closedInTime = await inTime(closed)
    const closedMs = performance.now() - begunAt
    await inTime(Promise.all(settled), 200)
    return { tookMs: closedInTime ? closedMs : undefined, ...outcome, neverSettled: work.length - outcome.done - outcome.failed }
  },

  /** Ends it though its server is frozen, with a query in flight: by `force`, or bare by the client's own close. */
  async cut() {
    client.stick?.().catch(() => {})
    await new Promise(setImmediate)
    const begunAt = performance.now()
    const over = client.resource ? client.resource.force({ reason: { kind: 'programmatic' }, boundMs: client.resource.forceMs ?? 100 }) : client.close()
    const inTimeAt = (await inTime(over)) ? performance.now() : undefined
    return { tookMs: inTimeAt && inTimeAt - begunAt }
  },
})

function drain() {
  const deadline = performance.now() + 30_000
  return client.resource.drain({ reason: { kind: 'programmatic' }, deadline, remaining: () => deadline - performance.now(), signal: new AbortController().signal })
}

async function inTime(promise, ms = patienceMs) {
  let timer
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, false)))
  try {
    return await Promise.race([Promise.resolve(promise).then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
