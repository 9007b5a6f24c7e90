/** What happens inside of the process when the soak says so: the wall clock steps, or memory runs short for two seconds. */
export function sufferFaults() {
  const realNow = Date.now
  process.on('message', (message) => {
    const step = /^clock (-?\d+)$/.exec(message)
    if (step) Date.now = () => realNow() + Number(step[1])
    if (message !== 'memory') return
    const held = Buffer.alloc(256 * 2 ** 20, 1)
    setTimeout(() => held.fill(2, 0, 1), 2_000)
  })
}
