export { rehearse } from './lib/rehearse.ts'
export type { Failure, Latency, LoadResult, LossReason, ProbeChange, Rehearsal, ReplicaExit, ReplicaRecord } from './lib/rehearsal.ts'
export type {
  AfterLoad,
  HttpTarget,
  LoadOptions,
  NetworkOptions,
  OutputLine,
  PreStop,
  ProbeOptions,
  RehearsalOptions,
  RolloutOptions,
} from './lib/rehearsal-options.ts'
export type { LoadCounts, RehearsalEvent } from './lib/rehearsal-event.ts'
export { RehearsalError, type RehearsalErrorCode } from './lib/rehearsal-error.ts'

// For client scripts.
export type {
  Attempt,
  AttemptOptions,
  AttemptResult,
  Client,
  ClientAnswer,
  ClientRequest,
  CreateSession,
  LastingSession,
  Session,
} from './lib/client.ts'
