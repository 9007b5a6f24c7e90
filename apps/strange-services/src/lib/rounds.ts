import type { Server, ServerName } from '@lameduck/servers'
import { judge } from './judge.ts'
import { breachesOf } from './invariant.ts'
import type { Mishap } from './mishap.ts'
import type { Performance } from './performance.ts'
import type { Scenario } from './scenario.ts'
import { runScenario } from './run-scenario.ts'
import type { World } from './world.ts'

/** One scenario that is to be played. */
export interface Round {
  readonly name: string
  readonly scenario: Scenario
  readonly mishap?: Mishap
  /** The service leaves at once and says that all was well; it is right then that it is caught. */
  readonly lies?: boolean
}

export interface Result extends Round {
  /** None where the scenario itself failed. */
  readonly performance: Performance | undefined
  /** What is wrong, one sentence each. */
  readonly wrong: readonly string[]
}

export interface PlayOptions {
  readonly world: World
  /** Servers of one's own, for mishaps that happen to the servers themselves; then one round comes after the other. */
  readonly servers?: ReadonlyMap<ServerName, Server> | undefined
  /** How many side by side. */
  readonly atOnce: number
  readonly onResult: (result: Result, played: number) => void
  /** No further round is begun when it aborts. */
  readonly signal: AbortSignal
}

const mostTries = 3

/** Plays the rounds, several side by side, and returns what came of each in the order of the rounds. */
export async function playRounds(rounds: readonly Round[], { world, servers, atOnce, onResult, signal }: PlayOptions): Promise<readonly Result[]> {
  const results: Result[] = []
  let next = 0
  let played = 0
  const playOn = async (): Promise<void> => {
    for (let round = rounds[next]; round !== undefined && !signal.aborted; round = rounds[next]) {
      const place = next++
      const result = await playRound(round, world, servers)
      results[place] = result
      onResult(result, (played += 1))
    }
  }
  await Promise.all(Array.from({ length: servers ? 1 : atOnce }, playOn))
  return results.filter((result) => result !== undefined)
}

/** A few times, where it must be: on a busy machine a lie may meet a service that had nothing to lose yet, or a client that cannot swear that it was heard. */
export async function playLie({ name, scenario }: Round, world: World): Promise<Result> {
  const round = { name, scenario, lies: true }
  for (let time = 1; ; time += 1) {
    const performance = await runScenario({ ...round, world })
    if (breachesOf(performance, scenario.idsPerUnit).length > 0 || scenario.losesNothing === true) return { ...round, performance, wrong: [] }
    if (time === mostTries) return { ...round, performance, wrong: ['it left at once and said clean, and nothing shows it'] }
  }
}

async function playRound(round: Round, world: World, servers: PlayOptions['servers']): Promise<Result> {
  const { scenario, lies = false } = round
  try {
    if (lies) return await playLie(round, world)
    const performance = await runScenario({ ...round, world, servers })
    return { ...round, performance, wrong: judge(scenario, performance) }
  } catch (error) {
    return { ...round, performance: undefined, wrong: [`the scenario failed: ${error instanceof Error ? error.message : String(error)}`] }
  }
}
