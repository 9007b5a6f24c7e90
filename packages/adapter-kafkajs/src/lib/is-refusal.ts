interface KafkaFailure {
  readonly name?: unknown
  readonly type?: unknown
  readonly code?: unknown
  readonly retriable?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

/** Made by kafkajs of the answers for each group, or partition, that was asked for. */
const ofAnswers = ['KafkaJSDeleteGroupsError', 'KafkaJSDeleteTopicRecordsError']
const longestChain = 5

/**
 * Whether a broker has answered, and refused for good: a record that is too large, a topic that is not there. Whoever asked knows it then. No
 * answer, and answers that say "not now" (a partition without a leader, too few replicas), are something else, also when kafkajs has given up.
 */
export function isRefusal(error: unknown, chain: number = longestChain): boolean {
  if (typeof error !== 'object' || error === null || chain === 0) return false
  const { name, type, code, retriable, cause, errors } = error as KafkaFailure
  if (typeof name === 'string' && ofAnswers.includes(name)) return true
  if (Array.isArray(errors) && errors.length > 0) return errors.every((each) => isRefusal(each, chain - 1))
  if (typeof type === 'string' && typeof code === 'number') return retriable === false || type === 'UNKNOWN_TOPIC_OR_PARTITION'
  return isRefusal(cause, chain - 1)
}
