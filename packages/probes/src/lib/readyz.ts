import { oneLine, requireOptions, type CheckResult, type Lifecycle } from '@lameduck/core'
import type { ProbeAnswer } from './probe-answer.ts'

/** Checks of one answer that are told. */
const mostLines = 200

export interface ReadyOptions {
  /** Results of the resources' own checks, if they were run. @default none */
  readonly checks?: readonly CheckResult[]
  /** Names of the checks that make the service not ready, by failing or by being missing in `checks`. @default none */
  readonly gateOn?: readonly string[]
  /** Names of checks to leave out. @default none */
  readonly exclude?: readonly string[]
  /** One line for each check, also when all is well. @default false */
  readonly verbose?: boolean
  /** Tell why a check failed; without it the answer says `reason withheld`. @default false */
  readonly showReasons?: boolean
  /** Monotonic ms (`performance.now()`), for the time left in a 503. @default now */
  readonly nowMs?: number
}

/**
 * Ready: 200 from the end of the start to the tick in which a stop begins, then 503 for ever.
 *
 * The body of a 503 says the state and the time left until the process is gone. Check lines have the form that
 * kube-apiserver gives them: `[+]name ok`, `[-]name failed: …`.
 */
export function readyz(lifecycle: Pick<Lifecycle, 'state' | 'isReady' | 'heldBecause'>, options: ReadyOptions = {}): ProbeAnswer {
  const { checks = [], gateOn = [], exclude = [], verbose = false, showReasons = false, nowMs = performance.now() } = requireOptions(
    options,
    { checks: true, gateOn: true, exclude: true, verbose: true, showReasons: true, nowMs: true },
    'readyz()',
  )
  const shown = checks.filter((check) => !exclude.includes(check.name))
  const unknown = exclude.filter((name) => !checks.some((check) => check.name === name))
  const failing = gateOn.filter((name) => !exclude.includes(name) && !checks.some((check) => check.name === name && check.ok))
  const notReady = notReadyBecause(lifecycle, nowMs) ?? (failing.length > 0 ? failingText(failing, checks) : undefined)
  const lines: string[] = []
  if (verbose) {
    lines.push(...shown.slice(0, mostLines).map((check) => checkLine(check, showReasons)))
    if (shown.length > mostLines) lines.push(`and ${shown.length - mostLines} more checks`)
    if (unknown.length > 0) lines.push(`warning: nothing to exclude is named ${unknown.slice(0, 5).map(quote).join(', ')}${unknown.length > 5 ? ', …' : ''}`)
  }
  lines.push(notReady === undefined ? 'ready' : `not ready: ${notReady}`)
  return { status: notReady === undefined ? 200 : 503, body: `${lines.join('\n')}\n` }
}

/** One check by its name (`/readyz/<check>`): 200, 503, or 404 when no resource of that name has one. It says nothing of the stop. */
export function readyzCheck(name: string, checks: readonly CheckResult[], showReasons: boolean = false): ProbeAnswer {
  const check = checks.find((each) => each.name === name)
  if (!check) return { status: 404, body: `no check is named ${quote(name)}\n` }
  return { status: check.ok ? 200 : 503, body: `${checkLine(check, showReasons)}\n` }
}

/** A stranger's word. */
function quote(name: string): string {
  return JSON.stringify(oneLine(name.slice(0, 200)))
}

function notReadyBecause({ state, isReady, heldBecause }: Pick<Lifecycle, 'state' | 'isReady' | 'heldBecause'>, nowMs: number): string | undefined {
  if (isReady) return undefined
  switch (state.name) {
    case 'ready':
      return `held: ${heldBecause.join(', ')}`
    case 'lame-duck':
    case 'draining':
      return `${state.name}, ${Math.max(0, Math.round(state.deadline - nowMs))} ms left`
    case 'starting':
    case 'stopped':
      return state.name
  }
}

function failingText(failing: readonly string[], checks: readonly CheckResult[]): string {
  return `failing checks: ${failing.map((name) => (checks.some((check) => check.name === name) ? name : `${name} (no check is named so)`)).join(', ')}`
}

function checkLine(check: CheckResult, showReasons: boolean): string {
  if (check.ok) return `[+]${check.name} ok`
  const reason = showReasons ? oneLine(check.error ?? 'no reason given') : 'reason withheld'
  return `[-]${check.name} failed: ${reason}`
}
