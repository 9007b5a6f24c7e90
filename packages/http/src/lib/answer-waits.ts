/** How often it is looked whether an answer has been sent, in ms. */
const pauseMs = 16

interface Wait {
  readonly isOver: () => boolean
  readonly tell: () => void
}

/** Calls `tell` as soon as `isOver`. One timer looks for all that wait, however many they are. */
export function createAnswerWaits(later: (ms: number, action: () => void) => void): (isOver: () => boolean, tell: () => void) => void {
  let waiting: Wait[] = []

  function look(): void {
    const over: Wait[] = []
    const left: Wait[] = []
    for (const each of waiting) (each.isOver() ? over : left).push(each)
    waiting = left
    if (left.length > 0) later(pauseMs, look)
    for (const { tell } of over) tell()
  }

  return (isOver, tell) => {
    waiting.push({ isOver, tell })
    if (waiting.length === 1) later(pauseMs, look)
  }
}
