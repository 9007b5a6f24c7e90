// For applications.
export { bindProcess, type BindOptions, type BoundProcess } from './lib/bind-process.ts'
export { createLifecycle } from './lib/create-lifecycle.ts'
export { LifecycleError, lifecycleErrorCodes, type LifecycleErrorCode } from './lib/errors.ts'
export { channelName, type LifecycleEvent, type Listener } from './lib/events.ts'
export type { AddOptions, CheckResult, Handle, Lifecycle, LifecycleOptions } from './lib/lifecycle.ts'
export { resolvePolicy, type ExitCodes, type LameDuckPolicy, type PhasePolicy, type Policy, type PolicyOptions } from './lib/policy.ts'
export { describeReason, type Reason } from './lib/reason.ts'
export { reportLine, type Outcome, type Plan, type PlanStep, type Report, type StepReport } from './lib/report.ts'
export type { State } from './lib/state.ts'
export { renderReport, type RenderOptions } from './lib/render-report.ts'

// For adapter authors.
export { systemClock, type Clock } from './lib/clock.ts'
export { requireMs, show } from './lib/errors.ts'
export { orAborted } from './lib/or-aborted.ts'
export { phases, type DrainContext, type ForceContext, type Phase, type QuiesceContext, type Resource, type StartContext } from './lib/resource.ts'
