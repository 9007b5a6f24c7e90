import { scenarios } from './scenarios.mjs'

/** A timer may fire this much early, seen from another process, in ms. */
const earlyMs = 5

/**
 * Why one run shows nothing, however little was lost: hardly any load, or old replicas that did not leave by themselves after SIGTERM. `leastMs` is
 * the time that each has to stay after it; being killed is counted elsewhere.
 */
export function troublesOf({ sent, leastSent, exits, replicas, leastMs }) {
  const wanted = Array.from({ length: replicas }, (_, index) => `old-${index + 1}`)
  const left = exits.map((exit) => exit.replica).toSorted()
  return [
    ...(sent < leastSent ? [`${sent} sent, which is fewer than ${leastSent}`] : []),
    ...(left.join() === wanted.join() ? [] : [`${left.join(', ') || 'nobody'} left, instead of ${wanted.join(', ')}`]),
    ...exits.filter((exit) => exit.during !== 'terminating').map(({ replica, during, code, signal }) => `${replica} ended with ${signal ?? code} while ${during}`),
    ...exits.filter((exit) => !exit.killed && exit.code !== 0).map(({ replica, code, signal }) => `${replica} ended with ${signal ?? code}, instead of 0`),
    ...exits
      .filter((exit) => exit.during === 'terminating' && exit.afterSignalMs < leastMs - earlyMs)
      .map((exit) => `${exit.replica} left after ${Math.round(exit.afterSignalMs)} ms, before its window of ${leastMs} ms was over`),
  ]
}

/** The one measure, for lameduck and for helpers: what was refused as README.md says is not lost, unless it is more than its formula allows. */
export const hasFailed = (cell) => cell.lost + cell.killed + cell.unanswered > 0 || cell.refused > cell.refusedLimit

/** Where lameduck did not keep its promise, where a helper that must fail did not, and whatever shows nothing. */
export function brokenPromises({ scenarios: proved, residue = [], node, quick, strategies }) {
  return [...proved.flatMap((scenario) => brokenIn(scenario, { major: Number(node.split('.')[0]), quick, strategies })), ...residue.flatMap(brokenResidue)]
}

function brokenIn({ name, title, missing, cells }, { major, quick, strategies }) {
  if (missing !== undefined) return [`${title}: not run, ${missing}`]
  const where = ({ strategy, delayMs, propagationMs }) => `${title}, ${strategy}, ${delayMs} ms, ${propagationMs / 1000} s`
  const { isEnough = () => false } = scenarios.find((scenario) => scenario.name === name)
  const mustFail = quick ? [] : strategies.filter((strategy) => strategy !== 'lameduck' && !isEnough(strategy, major))
  return [
    ...cells.filter((cell) => cell.error !== undefined).map((cell) => `${where(cell)}: ${cell.error}`),
    ...cells.flatMap((cell) => cell.troubles.map((trouble) => `${where(cell)}: ${trouble}`)),
    ...cells.filter((cell) => cell.strategy === 'lameduck' && hasFailed(cell)).map((cell) => `${where(cell)}: ${failure(cell)}`),
    ...mustFail.filter((helper) => !cells.some((cell) => cell.strategy === helper && hasFailed(cell))).map((helper) => `${title}: ${helper} loses nothing and leaves in time, so this load does not catch it`),
  ]
}

function failure({ lost, refused, refusedLimit, unanswered, killed, reasons }) {
  return `${lost} lost, ${refused} refused where ${refusedLimit} may be, ${unanswered} ran unanswered, ${killed} killed. ${JSON.stringify(reasons)}`
}

/** Only the window that is longer than every pause promises something. */
function brokenResidue({ windowMs, lost, killed, expected, troubles }) {
  return [
    ...troubles.map((trouble) => `residue, window ${windowMs} ms: ${trouble}`),
    ...(killed > 0 ? [`residue, window ${windowMs} ms: ${killed} killed`] : []),
    ...(expected === 0 && lost > 0 ? [`residue, window ${windowMs} ms: ${lost} lost`] : []),
  ]
}

/** The last lines: what is not proved and why, or that all is, and what was left out. */
export function verdictText({ broken, only, strategies, quick, leftOut }) {
  if (broken.length > 0) return [...broken.map((each) => `NOT PROVED: ${each}`), ...outText(leftOut)].join('\n')
  if (leftOut.length === 0) return 'proved'
  const shown = strategies.includes('lameduck') ? `proved for ${only.join(', ')}` : `nothing is proved of lameduck${quick ? '' : `. Each helper that must fail does, in ${only.join(', ')}`}`
  return [shown, ...outText(leftOut)].join('\n')
}

const outText = (leftOut) => (leftOut.length === 0 ? [] : [`left out: ${leftOut.join('; ')}`])
