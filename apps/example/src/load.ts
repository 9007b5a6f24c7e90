import type { Client } from '@lameduck/rehearsal'
import type { Order } from './lib/order.ts'

/** Every how-many-th round a client keeps an event stream open, and for how long. */
const roundsPerStream = 12
const streamForMs = 1_500

const rounds = new WeakMap<Client, number>()

/**
 * What one client of the rehearsal does in one round: it places an order, reads it back and now and then watches it.
 *
 * Records `accepted` (ids of orders answered 201), `notFound` (accepted, but a read said 404; without a database
 * that is what another replica must say) and `misread` (a read that answered with something else). A 404 is a
 * complete answer: whether a row is missing is for the verdict to count, in the database.
 */
export async function session(client: Client): Promise<void> {
  const round = (rounds.get(client) ?? client.id) + 1
  rounds.set(client, round)
  const placed = await client.request({
    method: 'POST',
    path: '/orders',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ item: 'tea', quantity: 1 + (round % 9) }),
    isGood: (status) => status === 201,
  })
  if (!placed.ok) return
  const { id } = JSON.parse(placed.body) as Order
  client.record('accepted', id)

  const read = await client.request({ path: `/orders/${id}`, isGood: isReadAnswer })
  if (read.ok && read.status === 404) client.record('notFound', id)
  else if (read.ok && (JSON.parse(read.body) as Order).id !== id) client.record('misread', id)

  if (round % roundsPerStream === 0) {
    await client.request({ path: `/orders/${id}/events?forMs=${streamForMs}`, headers: { accept: 'text/event-stream' }, isGood: isReadAnswer })
  }
}

function isReadAnswer(status: number): boolean {
  return status === 200 || status === 404
}
