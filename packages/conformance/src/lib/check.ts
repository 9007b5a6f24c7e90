import type { OptionalMember } from './harness.ts'
import type { Trial } from './trial.ts'

/** What a check needs: a member of the resource, or a function of the harness. */
export type Need =
  | `resource.${OptionalMember}`
  | 'harness.busy'
  | 'harness.callers here'
  | 'harness.fail'
  | 'harness.acknowledge'
  | 'harness.freeze'
  | 'harness.kill'
  | 'harness.drop'
  | 'harness.end'
  | 'harness.connections'
  | 'harness.offer'
  | 'harness.offer that refuses after quiesce'
  | 'harness.offer that serves after quiesce'

/** One property that every resource has; its name is the sentence that is reported. */
export interface Check {
  readonly name: string
  readonly needs: readonly Need[]
  readonly run: (trial: Trial) => Promise<void>
}
