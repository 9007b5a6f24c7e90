import { describeMs, type InHand } from '@lameduck/core'
import type { Connections } from './connections.ts'
import { pairs, pendingOn, unfinishedOn, type Pending } from './pending.ts'

/** Texts that are made: nobody reads more, and a server may hold ten thousands of requests. */
const mostTexts = 100

/** So many requests of one name, each so old, are hardly all at work: something holds them open. */
const fewestHeld = 3
const shortestHeldMs = 1_000

/** What the application does in the drain, and is waited for. */
export interface OwnPart {
  /** Since when `onDrain` runs, in monotonic ms. */
  readonly onDrainSince: number | undefined
  /** What becomes of requests that something holds open. */
  readonly onDrain: 'none' | 'given' | 'over'
  /** While the goodbyes wait for it. */
  readonly upgradedWork: InHand | undefined
}

/**
 * One text for everything that keeps the server from being done, oldest first, the first hundred; before it the application's own part. Requests
 * that look as if a library held them open share one, which says what to do about that.
 */
export function listWaiting(connections: Connections, own: OwnPart): string[] {
  const now = performance.now()
  const pending = pairs(connections).flatMap(([socket, connection]) => [...pendingOn(socket, connection), ...unfinishedOn(socket, connection)])
  const groups = new Map<string, Pending[]>()
  for (const each of pending.toSorted((a, b) => a.since - b.since)) {
    const name = each.what()
    const group = groups.get(name)
    if (group) group.push(each)
    else groups.set(name, [each])
  }
  const texts = [...groups].flatMap(([name, group]) => (isHeld(name, group, now) ? [describeHeld(name, group, now, own)] : group.map((each) => describe(name, each, now))))
  const sorted = texts.toSorted((a, b) => a.since - b.since).slice(0, mostTexts)
  return [...describeOwn(connections, own, now), ...sorted.map(({ text }) => text)]
}

function describeOwn(connections: Connections, { onDrainSince, upgradedWork }: OwnPart, now: number): string[] {
  const count = upgradedWork?.count() ?? 0
  const isHeldUp = count > 0 && [...connections.all()].some((socket) => connections.of(socket)?.kind === 'upgraded')
  const [oldest] = isHeldUp ? (upgradedWork?.waitingFor?.() ?? []) : []
  return [
    ...(onDrainSince === undefined ? [] : [`onDrain ${describeMs(now - onDrainSince)}`]),
    ...(isHeldUp ? [`upgradedWork: ${count} in hand${oldest === undefined ? '' : `, the oldest ${oldest}`}`] : []),
  ]
}

interface Text {
  readonly since: number
  readonly text: string
}

function describe(name: string, { since, sent }: Pending, now: number): Text {
  return { since, text: [`${name} ${describeMs(now - since)}`, ...(sent ? [sent()] : [])].join(', ') }
}

function isHeld(name: string, group: readonly Pending[], now: number): boolean {
  return (group.length >= fewestHeld || isOfSocketIo(name)) && group.every(({ kind, since }) => kind === 'request' && now - since >= shortestHeldMs)
}

function describeHeld(name: string, group: readonly Pending[], now: number, { onDrain }: OwnPart): Text {
  const oldest = group[0] as Pending
  const count = group.length === 1 ? '' : `${group.length} × `
  const sent = group.every((each) => each.sent?.() === 'nothing sent') ? 'nothing sent' : 'partly sent'
  const advice = adviceOf[onDrain](isOfSocketIo(name))
  return { since: oldest.since, text: `${count}${name} ${describeMs(now - oldest.since)}, ${sent}${advice === '' ? '' : ` (${advice})`}` }
}

/** While `onDrain` may still end them, there is nothing to advise. */
const adviceOf: Record<OwnPart['onDrain'], (ofSocketIo: boolean) => string> = {
  none: (ofSocketIo) => (ofSocketIo ? 'socket.io holds polls open: close its engine in onDrain' : 'if something holds them open, end them in onDrain, or by endOnDrain'),
  given: () => '',
  over: (ofSocketIo) => (ofSocketIo ? 'socket.io holds polls open, and onDrain has not closed its engine' : 'if something holds them open, onDrain has not ended them'),
}

/** Its default path, of engine.io alone as well. */
function isOfSocketIo(name: string): boolean {
  return / \/(?:socket|engine)\.io\/$/.test(name)
}
