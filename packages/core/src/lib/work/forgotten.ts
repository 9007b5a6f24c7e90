/** Says, once, that work has begun which no lifecycle waits for, since it was never added to one. */
export interface Forgotten {
  readonly onAdded: () => void
  readonly onWork: () => void
}

/** Names of what has begun work, and is in no lifecycle. */
const forgotten = new Set<string>()

/** What the end of a stop has to say of them, for what became of their work is in no report. */
export function describeForgotten(): string[] {
  if (forgotten.size === 0) return []
  const names = [...forgotten].slice(0, 3).map((name) => JSON.stringify(name))
  return [`trackedWork(${names.join(', ')}${forgotten.size > 3 ? ', …' : ''}) has had work, and is in no lifecycle, so that no stop waits for it. lifecycle.add() it.`]
}

/** In the turn after the first work, so that what adds it may come behind. By a warning of the process: there is no lifecycle to tell it. */
export function warnWhenForgotten(name: string): Forgotten {
  let state: 'new' | 'used' | 'added' = 'new'
  return {
    onAdded() {
      state = 'added'
      forgotten.delete(name)
    },
    onWork() {
      if (state !== 'new') return
      state = 'used'
      setImmediate(() => {
        if (state !== 'used') return
        forgotten.add(name)
        process.emitWarning(`trackedWork(${JSON.stringify(name)}) has work, and is in no lifecycle, so that no stop waits for it: lifecycle.add() it before its first work`, 'LameduckForgottenWarning')
      })
    },
  }
}
