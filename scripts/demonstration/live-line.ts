import type { RehearsalEvent } from '@lameduck/rehearsal'
import { describeExit } from './picture.ts'

export interface LiveLine {
  onEvent(event: RehearsalEvent): void
  end(): void
}

/** What happens right now: drawn over itself on a terminal, one line for each turn of events elsewhere. */
export function createLiveLine(title: string, out: NodeJS.WriteStream): LiveLine {
  const live = out.isTTY === true
  const states = new Map<string, string>()
  let counts = ''
  return {
    onEvent(event) {
      const turn = describe(event)
      if (turn) states.set(...turn)
      if (event.type === 'load-counted') counts = `${event.counts.sent} requests, ${event.counts.lost} lost`
      if (live) draw()
      else if (turn) out.write(`  ${title} ${(event.atMs / 1_000).toFixed(1).padStart(5)} s  ${turn[0]} ${turn[1]}${counts ? ` (${counts})` : ''}\n`)
    },
    end() {
      if (live) out.write('\r\u001B[2K')
    },
  }

  function draw(): void {
    const replicas = [...states].map(([replica, state]) => `${replica} ${state}`).join(' · ')
    out.write(`\r\u001B[2K${`  ${title}  ${counts}  ${replicas}`.slice(0, (out.columns ?? 100) - 1)}`)
  }
}

function describe(event: RehearsalEvent): [string, string] | undefined {
  switch (event.type) {
    case 'replica-started':
      return [event.replica, 'starting']
    case 'replica-ready':
      return [event.replica, 'ready']
    case 'replica-signalled':
      return [event.replica, 'SIGTERM']
    case 'replica-killed':
      return [event.replica, 'SIGKILL']
    case 'replica-exited':
      return event.exit.during === 'end' ? undefined : [event.replica, `exit ${describeExit(event.exit.code, event.exit.signal)}`]
    case 'service-listening':
    case 'probe-changed':
    case 'replica-terminating':
    case 'load-counted':
    case 'request-lost':
      return undefined
  }
}
