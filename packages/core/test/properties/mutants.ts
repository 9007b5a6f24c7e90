import type { PropertyName } from './properties.ts'
import { workMutants } from './work-mutants.ts'

/** A bug of a kind that engines have: a text of one file of `src/lib/engine`, which is there exactly once, and what replaces it. */
export interface Mutant {
  readonly bug: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** The bugs that each property must catch. */
export const mutants: Record<PropertyName, readonly Mutant[]> = {
  'starts nothing before what it needs': [
    {
      bug: 'needs are begun, and not waited for',
      file: 'start.ts',
      find: 'await Promise.all(entry.needs.map((need) => begin(need)))',
      replace: 'entry.needs.map((need) => (void begin(need), true))',
    },
    {
      bug: 'phases start beside each other',
      file: 'start.ts',
      find: 'await Promise.all(members.map((entry) => begin(entry)))',
      replace: 'void Promise.all(members.map((entry) => begin(entry)))',
    },
    { bug: 'phases start in the order of stopping', file: 'start.ts', find: 'sort((a, b) => b - a)', replace: 'sort((a, b) => a - b)' },
  ],
  'starts everything as soon as it may': [
    {
      bug: 'a phase starts one after the other',
      file: 'start.ts',
      find: 'await Promise.all(members.map((entry) => begin(entry)))',
      replace: 'for (const entry of members) await begin(entry)',
    },
  ],
  'starts nothing once a stop has begun': [
    {
      bug: 'nothing keeps a start from beginning',
      file: 'start.ts',
      find: 'if (signal.aborted) {',
      replace: 'if (entries.length === 0) {',
    },
  ],
  'accounts for every resource exactly once': [
    {
      bug: 'a skipped resource is missing from the report',
      file: 'run-stop.ts',
      find: "record(node, slots.get(node) as Slot, { ...nothing, outcome: 'skipped'",
      replace: "void ({ ...nothing, outcome: 'skipped'",
    },
    { bug: 'what force() begins is begun again by its edges', file: 'run-stop.ts', find: 'if (begun.has(node)) return\n', replace: '' },
  ],
  'is over by the deadline': [
    {
      bug: 'at the deadline a force within its bound is waited for',
      file: 'run-stop.ts',
      find: 'for (const step of running.values()) step.abandon()',
      replace: '',
    },
    {
      bug: 'the last timer counts from the end of the first tick',
      file: 'run-stop.ts',
      find: 'clock.setTimer(endAll, stopDeadline - clock.now())',
      replace: 'clock.setTimer(endAll, stopDeadline - begunAt)',
    },
    {
      bug: 'a shrink does not move the last timer',
      file: 'run-stop.ts',
      find: 'cancelDeadline = clock.setTimer(endAll, stopDeadline - now)',
      replace: '',
    },
  ],
  'moves the deadline earlier only': [
    { bug: 'a shrink moves the deadline later', file: 'stop.ts', find: 'if (isOver || earlier >= deadline) return', replace: 'if (isOver) return' },
    {
      bug: "a shrink moves a running step's deadline later",
      file: 'stop-step.ts',
      find: "if (phase !== 'draining' || earlier >= deadline) return",
      replace: "if (phase !== 'draining') return",
    },
  ],
  'begins everything in the tick of the signal': [
    {
      bug: 'a critical step waits for the phases before its own',
      file: 'graph.ts',
      find: "if (previous && node.entry?.resource.drainFrom !== 'signal') connect(previous, node)",
      replace: 'if (previous) connect(previous, node)',
    },
    {
      bug: 'a quiesce that throws keeps the others from theirs',
      file: 'quiesce.ts',
      find: '      (error) => void errors.set(resource.name, `quiesce: ${describeError(error)}`),\n    )\n',
      replace: '      (error) => void errors.set(resource.name, `quiesce: ${describeError(error)}`),\n    )\n    if (errors.size > 0) break\n',
    },
    {
      bug: 'the first steps begin after the tick',
      file: 'run-stop.ts',
      find: '\n  walk()\n',
      replace: '\n  queueMicrotask(() => queueMicrotask(walk))\n',
    },
  ],
  'respects every edge': [
    { bug: 'the end of a phase is any time in it', file: 'graph.ts', find: "drainFrom === 'phase-end'\n  return [", replace: "drainFrom === undefined\n  return [" },
    { bug: 'needs are forgotten', file: 'graph.ts', find: 'if (needed) connect(node, needed)', replace: '' },
    {
      bug: 'a phase of critical steps alone hides the phases before it',
      file: 'graph.ts',
      find: 'if (previous) connect(previous, barrier)',
      replace: '',
    },
    { bug: 'the last but one is enough', file: 'run-stop.ts', find: 'if (left === 0) ready.push(next)', replace: 'if (left <= 1) ready.push(next)' },
    {
      bug: 'servers do not wait for the lame duck',
      file: 'graph.ts',
      find: "if (node.entry?.resource.drainFrom === 'lame-duck-end') connect(lameDuck, node)",
      replace: '',
    },
  ],
  'begins every step as soon as it may': [
    {
      bug: 'nothing follows the lame duck until something else is over',
      file: 'run-stop.ts',
      find: 'startedMs, deadlineMs, late: false })\n        over(node)\n        walk()',
      replace: 'startedMs, deadlineMs, late: false })\n        over(node)',
    },
    {
      bug: 'consumers wait for the lame duck too',
      file: 'graph.ts',
      find: "if (node.entry?.resource.drainFrom === 'lame-duck-end') connect(lameDuck, node)",
      replace: "if (node.entry?.resource.drainFrom !== 'signal') connect(lameDuck, node)",
    },
  ],
  'gives every step its reserve': [
    {
      bug: "the latest finish leaves out the successor's reserve",
      file: 'schedule.ts',
      find: 'slots.get(next)?.latestStartMs ?? budgetMs',
      replace: 'slots.get(next)?.latestFinishMs ?? budgetMs',
    },
    {
      bug: 'a running step counts as a whole one when the deadline moves',
      file: 'run-stop.ts',
      find: 'node.reserveMs - (now - (startedAt ?? now))',
      replace: 'node.reserveMs',
    },
    {
      bug: 'a shrink cuts what is running',
      file: 'run-stop.ts',
      find: 'step.moveDeadline(stepDeadline(node, slot, step.startedAt), slot.forceMs)',
      replace: 'step.moveDeadline(now, slot.forceMs)',
    },
    {
      bug: 'what is over still has its reserve when a listener moves the deadline',
      file: 'run-stop.ts',
      find: 'pending.delete(node)\n    const { outcome',
      replace: 'const { outcome',
    },
    {
      bug: 'only the first successor counts',
      file: 'schedule.ts',
      find: 'for (const next of node.after) latestFinishMs',
      replace: 'for (const next of node.after.slice(0, 1)) latestFinishMs',
    },
  ],
  'records every late start, and no other': [
    {
      bug: 'late is inverted',
      file: 'run-stop.ts',
      find: 'startedMs - slot.latestStartMs > timerResolutionMs',
      replace: 'startedMs - slot.latestStartMs <= timerResolutionMs',
    },
    {
      bug: 'late is what starts after its latest finish',
      file: 'run-stop.ts',
      find: 'startedMs - slot.latestStartMs > timerResolutionMs',
      replace: 'startedMs - slot.latestFinishMs > timerResolutionMs',
    },
    {
      bug: 'the schedule after a shrink is told from the shrink on',
      file: 'run-stop.ts',
      find: 'slots.set(node, delayed(slot, now - begunAt))',
      replace: 'slots.set(node, slot)',
    },
  ],
  'has every step over at its latest finish': [
    {
      bug: "force is not in the step's time",
      file: 'run-stop.ts',
      find: 'begunAt + slot.latestFinishMs - slot.forceMs',
      replace: 'begunAt + slot.latestFinishMs',
    },
    {
      bug: 'after a shrink force keeps the bound of the schedule before',
      file: 'stop-step.ts',
      find: 'forceMs = Math.min(forceMs, lessForceMs)',
      replace: '',
    },
  ],
  'forces once what overran or failed, and nothing else': [
    {
      bug: 'force() cuts again what is being cut',
      file: 'stop-step.ts',
      find: "if (phase === 'draining') force('forced')",
      replace: "if (phase !== 'done') force('forced')",
    },
    { bug: 'a drain that threw leaves its sockets', file: 'stop-step.ts', find: "force('failed')", replace: "finish('failed', undefined, [])" },
  ],
  'never waits for force beyond its bound': [
    { bug: 'force is waited for without a bound', file: 'stop-step.ts', find: '    armBound()\n    void forcing', replace: '    void forcing' },
    {
      bug: 'the bound is not scaled with the reserves',
      file: 'schedule.ts',
      find: 'forceMs: length.forceMs * scale',
      replace: 'forceMs: length.forceMs',
    },
  ],
  'tells the truth about every outcome': [
    {
      bug: 'a cut step is recorded as drained',
      file: 'stop-step.ts',
      find: 'void forcing.then(() => finish(outcome,',
      replace: "void forcing.then(() => finish('drained',",
    },
    {
      bug: 'a quiesce that threw is not told',
      file: 'end-steps.ts',
      find: "outcome: worstOf(ended.outcome, 'failed'), errors: [...failures, ...ended.errors]",
      replace: 'errors: ended.errors',
    },
    {
      bug: 'what never started is drained',
      file: 'stop-step.ts',
      find: "if (hasStarted && phase === 'draining') await",
      replace: "if (phase === 'draining') await",
    },
    { bug: 'what nobody can tell of is drained', file: 'read-tally.ts', find: "unknown > 0 ? 'unknown' : 'drained'", replace: "'drained'" },
    { bug: 'what its force cut is not told of a drain that threw', file: 'stop-step.ts', find: "outcome === 'failed' && work &&", replace: '!entry && work &&' },
  ],
  'has the lame duck last as long as it must': [
    {
      bug: 'it ends when it was quiet, before its minimum',
      file: 'lame-duck.ts',
      find: 'Math.max(earliest, lastArrival() + policy.quietMs)',
      replace: 'lastArrival() + policy.quietMs',
    },
    {
      bug: 'arrivals do not hold it',
      file: 'lame-duck.ts',
      find: 'newest = Math.max(newest, readLastArrival(resource))',
      replace: 'readLastArrival(resource)',
    },
    {
      bug: 'its maximum is its minimum',
      file: 'lame-duck.ts',
      find: 'const latest = startedAt + policy.maxMs',
      replace: 'const latest = startedAt + policy.minMs',
    },
  ],
  'leaves no timer armed': [
    { bug: "the bound of force stays", file: 'stop-step.ts', find: '    cancelBound()\n    const unfinished', replace: '    const unfinished' },
    { bug: 'the last timer stays', file: 'run-stop.ts', find: '    cancelDeadline()\n    cancelTelling()\n', replace: '    cancelTelling()\n' },
    { bug: 'what is waited for is told for ever', file: 'run-stop.ts', find: '    cancelTelling()\n', replace: '' },
    {
      bug: 'a shrink after the last step arms a timer',
      file: 'run-stop.ts',
      find: 'if (pending.size === 0 || earlier >= stopDeadline) return',
      replace: 'if (earlier >= stopDeadline) return',
    },
  ],
  ...workMutants,
}
