// Work that returns no promise, again and again.
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'

const lifecycle = createLifecycle()
const work = trackedWork('mails')
lifecycle.add(work)
const send = () => void Promise.resolve()
let sent = 0
await bindProcess(lifecycle).ready()
setInterval(() => {
  void work.run(send)
  if ((sent += 1) === 3) console.log('sent')
}, 5)
