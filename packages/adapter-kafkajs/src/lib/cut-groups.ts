const cut = new Set<string>()

/**
 * Groups whose consumer in this process was cut: its messages go to other members, so what a handler that is left over still does for
 * them must not be committed in a transaction as well. kafkajs sends no generation with the offsets of a transaction
 * (TxnOffsetCommit v1), so the broker cannot tell the two apart.
 */
export const cutGroups = {
  add: (groupId: string): void => void cut.add(groupId),
  /** Another consumer of this process has joined. */
  remove: (groupId: string): void => void cut.delete(groupId),
  has: (groupId: string): boolean => cut.has(groupId),
}
