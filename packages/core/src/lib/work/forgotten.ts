/** Says, once, that work has begun which no lifecycle waits for, since it was never added to one. */
export interface Forgotten {
  readonly onAdded: () => void
  readonly onWork: () => void
}

/** In the turn after the first work, so that what adds it may come behind. By a warning of the process: there is no lifecycle to tell it. */
export function warnWhenForgotten(name: string): Forgotten {
  let state: 'new' | 'used' | 'added' = 'new'
  return {
    onAdded() {
      state = 'added'
    },
    onWork() {
      if (state !== 'new') return
      state = 'used'
      setImmediate(() => {
        if (state === 'used') process.emitWarning(`trackedWork(${JSON.stringify(name)}) has work, and is in no lifecycle, so that no stop waits for it: lifecycle.add() it before its first work`, 'LameduckForgottenWarning')
      })
    },
  }
}
