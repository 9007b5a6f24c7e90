import type { Mutant } from './mutants.ts'
import type { workProperties } from './work-properties.ts'

/** The bugs that each property of the work must catch. */
export const workMutants: Record<keyof typeof workProperties, readonly Mutant[]> = {
  'is clean only where nothing was lost': [
    { bug: 'work that failed is drained', file: 'read-tally.ts', find: "  if (failed > 0) return 'failed'\n", replace: '' },
    { bug: 'work that was cut is drained', file: 'read-tally.ts', find: "  if (cut > 0) return 'forced'\n", replace: '' },
    {
      bug: 'what was refused after the step is not counted',
      file: 'end-steps.ts',
      find: 'const work = mergeLate(before, late, isTrusted)',
      replace: 'const work = { ...mergeLate(before, late, isTrusted), refused: before.refused }',
    },
    {
      bug: 'what failed after the step is not counted',
      file: 'end-steps.ts',
      find: 'const work = mergeLate(before, late, isTrusted)',
      replace: 'const work = { ...mergeLate(before, late, isTrusted), failed: before.failed }',
    },
    {
      bug: 'what was cut after the step leaves it drained',
      file: 'end-steps.ts',
      find: 'outcome: isNews ? worstOf(step.outcome, outcome) : step.outcome',
      replace: 'outcome: step.outcome',
    },
    {
      bug: 'a tally that cannot be read has no work',
      file: 'read-tally.ts',
      find: 'refused: 0, unknown: 1, reasons: [why]',
      replace: 'refused: 0, unknown: 0, reasons: [why]',
    },
    { bug: 'a death before the stop is forgotten', file: 'stop.ts', find: 'ended: input.ended', replace: 'ended: new Map()' },
  ],
  'has the worst result of what happened': [
    {
      bug: 'failed is worse than cut',
      file: 'read-tally.ts',
      find: "  if (cut > 0) return 'forced'\n  if (failed > 0) return 'failed'\n",
      replace: "  if (failed > 0) return 'failed'\n  if (cut > 0) return 'forced'\n",
    },
    { bug: 'an uncaught error that begins the stop is clean', file: '../report/report.ts', find: "reason.kind === 'fatal' || ", replace: '' },
    {
      bug: 'unknown is worse than failed',
      file: 'read-tally.ts',
      find: "  if (failed > 0) return 'failed'\n",
      replace: "  if (unknown > 0) return 'unknown'\n  if (failed > 0) return 'failed'\n",
    },
    {
      bug: 'a job with work left is worse than work that nobody can tell of',
      file: '../report/report.ts',
      find: "  if (doubts.length > 0 || steps.some((step) => step.outcome === 'unknown'",
      replace: "  if (steps.some((step) => (step.unfinished ?? 0) > 0)) return 'interrupted'\n  if (doubts.length > 0 || steps.some((step) => step.outcome === 'unknown'",
    },
    {
      bug: 'failed is worse than forced',
      file: '../report/report.ts',
      find: "  if (steps.some((step) => step.outcome === 'forced')) return 'forced'\n",
      replace: "  if (steps.some((step) => step.outcome === 'failed')) return 'failed'\n  if (steps.some((step) => step.outcome === 'forced')) return 'forced'\n",
    },
  ],
  'tells what became of the work': [
    {
      bug: 'a tally that cannot be read at the end takes back what was counted',
      file: 'end-steps.ts',
      find: 'const work = mergeLate(before, late, isTrusted)',
      replace: 'const work = late',
    },
    { bug: 'what was unknown and is done since counts twice', file: 'read-tally.ts', find: 'late.done - (unknown - late.unknown)', replace: 'late.done' },
    {
      bug: 'the tally is read before the drain',
      file: 'stop-step.ts',
      find: '  const { resource } = entry\n',
      replace: '  const early = readTally(entry.resource)\n  const resource = early ? { ...entry.resource, tally: () => early } : entry.resource\n',
    },
    { bug: 'what never started has work', file: 'stop-step.ts', find: "outcome === 'skipped' ? undefined : readTally(resource)", replace: 'readTally(resource)' },
    { bug: 'what was cut is missing', file: 'read-tally.ts', find: 'return { done, failed, cut, refused,', replace: 'return { done, failed, cut: 0, refused,' },
    { bug: 'a count below zero is a count', file: 'read-tally.ts', find: ' && value >= 0', replace: '' },
    { bug: 'a count without end is a count', file: 'read-tally.ts', find: 'Number.isFinite(value)', replace: 'value === value' },
  ],
  'tells every death before the stop once, and none during it': [
    { bug: 'it is told as often as it is said', file: 'endings.ts', find: 'isStopping() || !watched.delete(resource)', replace: 'isStopping()' },
    { bug: 'what ends during a stop has failed', file: 'endings.ts', find: 'isStopping() || !watched', replace: '!watched' },
    {
      bug: 'a quiesce that threw hides it',
      file: 'end-steps.ts',
      find: '.filter((text) => text !== undefined)\n',
      replace: '.filter((text) => text !== undefined).slice(0, 1)\n',
    },
    { bug: 'a death is told, and the step is drained', file: 'end-steps.ts', find: "outcome: worstOf(ended.outcome, 'failed'), ", replace: '' },
  ],
  'stops once where the service chose that': [
    { bug: 'nothing stops', file: 'endings.ts', find: "    if (whenEnded === 'stop') stop(message)\n", replace: '' },
    { bug: 'every death stops the service', file: 'endings.ts', find: "if (whenEnded === 'stop') stop(message)", replace: 'stop(message)' },
    { bug: 'a death during the stop begins another', file: 'endings.ts', find: 'isStopping() || !watched', replace: '!watched' },
  ],
  'is never ready again where the service chose that': [
    { bug: 'it stays ready', file: 'endings.ts', find: "    if (whenEnded === 'not-ready') hold(message)\n", replace: '' },
    { bug: 'it is ready again at once', file: 'create-lifecycle.ts', find: 'void readiness.hold(why)', replace: 'void readiness.hold(why)()' },
    { bug: 'it is ready again when it has started', file: 'readiness.ts', find: 'return isUp() && holds.size === 0', replace: 'return isUp()' },
  ],
  'ends a step with its drain, whatever its tally says or does': [
    {
      bug: 'a step whose work nobody can tell of is waited for',
      file: 'stop-step.ts',
      find: '    // It may have forced the stop.\n',
      replace: '    if (work && work.unknown > 0) return\n',
    },
    {
      bug: 'a step with work that failed waits a moment for more',
      file: 'stop-step.ts',
      find: "    finish(outcome === 'drained' && nothing ? 'idle' : outcome, undefined, [])",
      replace: "    clock.setTimer(() => finish(outcome === 'drained' && nothing ? 'idle' : outcome, undefined, []), outcome === 'failed' ? 50 : 0)",
    },
  ],
}
