// Works on what it is told until that is released; leaves by itself, as a service does, when it has been asked to and nothing is in flight.
const held = new Set()
let isLeaving = false

process.on('SIGTERM', () => {
  isLeaving = true
  leaveWhenIdle()
})
process.on('disconnect', () => process.exit(1))
process.on('message', ({ hold, release }) => {
  if (hold !== undefined) held.add(hold)
  if (held.delete(release)) process.send({ done: release }, leaveWhenIdle)
  if (hold !== undefined) process.send({ begun: hold })
})
process.send({ ready: true })

function leaveWhenIdle() {
  if (isLeaving && held.size === 0) process.exit(0)
}
