export { probeListener, type ProbeListener } from './lib/probe-listener.ts'
export { probeServer, type ProbeServerOptions, type ProbeServerResource } from './lib/probe-server.ts'
export type { PreStopOptions } from './lib/pre-stop-hook.ts'
export { createProbes, type ProbeOptions, type Probes } from './lib/create-probes.ts'
export type { ProbePaths } from './lib/probe-paths.ts'

// For other transports: lifecycle in, answer out.
export { markProbe } from './lib/mark-probe.ts'
export { livez, startupz, type ProbeAnswer } from './lib/probe-answer.ts'
export { readyz, readyzCheck, type ReadyOptions } from './lib/readyz.ts'
