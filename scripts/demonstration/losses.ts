import type { Side } from './side.ts'

/** How one replica left. */
export interface Exit {
  readonly replica: string
  readonly code: number | null
  readonly signal: string | null
  readonly afterSignalMs: number | null
  readonly graceLeftMs: number | null
}

/**
 * What one side lost: the form of `--json`. `orders` and `events` are `null` where the server that keeps them
 * could not be had.
 */
export interface Losses {
  /** Requests without a complete good answer, event streams among them. */
  readonly requests: { readonly sent: number; readonly lost: number }
  /** Orders answered 201, and those of them without a row. */
  readonly orders: { readonly accepted: number; readonly missing: number } | null
  /**
   * Events in the topic; shipment rows; accepted orders without an event and events without a shipment when the consumers
   * had come to rest; events handled or sent again.
   */
  readonly events: { readonly published: number; readonly shipments: number; readonly lost: number; readonly duplicated: number } | null
  readonly exits: readonly Exit[]
}

export function lossesOf({ rehearsal, verdict }: Side): Losses {
  const { load, exits } = rehearsal
  const { orders, events } = verdict
  return {
    requests: { sent: load.sent + load.streams.opened, lost: load.lost + load.streams.lost },
    orders: orders ? { accepted: orders.accepted, missing: orders.missing.length } : null,
    events: events
      ? { published: events.published, shipments: events.shipments, lost: events.lost + events.pending + events.unpublished.length, duplicated: events.duplicated + events.publishedTwice }
      : null,
    exits: exits.map(({ replica, code, signal, afterSignalMs, graceLeftMs }) => ({
      replica,
      code,
      signal,
      afterSignalMs: rounded(afterSignalMs),
      graceLeftMs: rounded(graceLeftMs),
    })),
  }
}

/** Several runs of one side as one. */
export function sumOf(runs: readonly Losses[]): Losses {
  const sum = (of: (losses: Losses) => number | undefined): number => runs.reduce((total, run) => total + (of(run) ?? 0), 0)
  const first = runs[0]
  return {
    requests: { sent: sum((run) => run.requests.sent), lost: sum((run) => run.requests.lost) },
    orders: first?.orders ? { accepted: sum((run) => run.orders?.accepted), missing: sum((run) => run.orders?.missing) } : null,
    events: first?.events
      ? { published: sum((run) => run.events?.published), shipments: sum((run) => run.events?.shipments), lost: sum((run) => run.events?.lost), duplicated: sum((run) => run.events?.duplicated) }
      : null,
    exits: runs.flatMap((run) => run.exits),
  }
}

/** Everything that was lost or done twice, in one number. */
export function lostAltogether({ requests, orders, events }: Losses): number {
  return requests.lost + (orders?.missing ?? 0) + (events ? events.lost + events.duplicated : 0)
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms)
}
