/** Kafka's number of the request, and its oldest version, which is the same in every broker that kafkajs can talk to. */
const leaveGroupKey = 13
const version = 0

/** kafkajs counts its requests up from 0; an answer to this one would be nobody's. */
const correlationId = 0x7fff_fffe

/**
 * LeaveGroup as it goes over the wire: length, header, group and member. Asks for no offset to be committed.
 * https://kafka.apache.org/protocol#The_Messages_LeaveGroup
 */
export function encodeLeaveGroup(groupId: string, memberId: string): Buffer {
  const header = Buffer.alloc(8)
  header.writeInt16BE(leaveGroupKey, 0)
  header.writeInt16BE(version, 2)
  header.writeInt32BE(correlationId, 4)
  const body = Buffer.concat([header, encodeText('lameduck'), encodeText(groupId), encodeText(memberId)])
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(2)
  length.writeInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}
