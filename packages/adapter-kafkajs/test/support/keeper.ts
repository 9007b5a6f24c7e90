import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** A process with a consumer that keeps its message until it is told to stop: members/keeper.mjs. */
export interface Keeper {
  readonly child: ChildProcess
  /** Resolves when it has written this line. */
  readonly says: (line: string) => Promise<void>
  /** Whether its event loop is free to write a line that it writes every 100 ms, within this time. */
  readonly beats: (withinMs: number) => Promise<boolean>
  readonly exited: Promise<number | null>
}

export interface KeeperOptions {
  readonly helper: 'lameduck' | 'naive'
  readonly brokers: readonly string[]
  readonly groupId: string
  readonly topic: string
}

export function startKeeper({ helper, brokers, groupId, topic }: KeeperOptions): Keeper {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../members/keeper.mjs', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HELPER: helper, GROUP: groupId, TOPIC: topic, KAFKA_BROKERS: brokers.join(','), NODE_ENV: 'production', KUBERNETES_SERVICE_HOST: undefined },
  })
  const lines: string[] = []
  const output = createInterface({ input: child.stdout })
  output.on('line', (line) => lines.push(line))
  const next = (): Promise<unknown> => once(output, 'line')
  return {
    child,
    exited: once(child, 'exit').then(([code]) => code as number | null),
    async says(line) {
      while (!lines.includes(line)) await next()
    },
    async beats(withinMs) {
      return Promise.race([next().then(() => true), sleep(withinMs, false)])
    },
  }
}
