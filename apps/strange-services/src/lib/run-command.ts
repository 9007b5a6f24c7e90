import type { Server, ServerName } from '@lameduck/servers'
import { describePerformance } from './describe-performance.ts'
import { describeMishap } from './mishap.ts'
import type { Options } from './options.ts'
import { playRounds, type Result } from './rounds.ts'
import { resultTable } from './table.ts'
import { openWorld, type Urls } from './world.ts'

export interface CommandContext {
  readonly urls: Urls
  /** @default mishaps happen on the way to the servers, and not to these */
  readonly servers?: ReadonlyMap<ServerName, Server> | undefined
  readonly out: NodeJS.WritableStream
  /** No further round is begun when it aborts. */
  readonly signal: AbortSignal
}

/** Plays what the options say, tells of each round when it is over, and prints a table at the end. Returns the exit code. */
export async function runCommand({ rounds, atOnce, seed }: Options, { urls, servers, out, signal }: CommandContext): Promise<number> {
  const begunAt = performance.now()
  if (seed !== undefined) out.write(`seed ${seed}: the same rounds again with --rounds ${rounds.length} --seed ${seed}\n`)
  const world = await openWorld(urls)
  try {
    const results = await playRounds(rounds, { world, servers, atOnce, signal, onResult: (result, played) => out.write(`${line(result, played, rounds.length)}\n`) })
    const failed = results.filter(({ wrong }) => wrong.length > 0)
    for (const { name, mishap, wrong, performance: played } of failed) {
      out.write(`\n── ${name}${mishap ? `, ${describeMishap(mishap)}` : ''}\n${wrong.join('\n')}\n${played ? `\n${describePerformance(played)}\n` : ''}`)
    }
    out.write(`\n${resultTable(results)}\n\n${results.length - failed.length} of ${results.length} kept their word, in ${Math.round((performance.now() - begunAt) / 1_000)} s\n`)
    return failed.length === 0 && results.length === rounds.length ? 0 : 1
  } finally {
    await world.close()
  }
}

function line({ name, mishap, performance: played, wrong }: Result, count: number, all: number): string {
  const place = `${String(count).padStart(String(all).length)}/${all}`
  const what = played ? `${played.report?.result ?? 'no report'}, ${(played.tookMs / 1_000).toFixed(1)} s` : 'failed'
  return `${wrong.length === 0 ? '✓' : '✗'} ${place} ${name}${mishap ? `, ${describeMishap(mishap)}` : ''}: ${what}${wrong.length > 0 ? `; ${wrong[0]}` : ''}`
}
