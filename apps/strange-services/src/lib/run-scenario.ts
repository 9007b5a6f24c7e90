import type { Answer } from './ask.ts'
import { describeMishap, type Mishap } from './mishap.ts'
import { accountsOf, type Performance } from './performance.ts'
import type { RunningService } from './running-service.ts'
import type { Ledger } from './scenario.ts'
import { setStage, type StageOptions } from './stage.ts'

/** How long a scenario may take beside the grace period. */
const playLimitMs = 25_000

/** Plays one scenario, and returns what became of the service's work. */
export async function runScenario(options: StageOptions): Promise<Performance> {
  const { stage, service, answers, graceMs, clear } = await setStage(options)
  try {
    const ledger = await inTime(options.scenario.play(stage), graceMs + playLimitMs, service)
    const played = service()
    if (!played?.ending) throw new Error('the scenario has not stopped its service')
    return performanceOf(played, withAnswers(ledger, answers), graceMs, options.mishap)
  } finally {
    await clear()
  }
}

async function inTime<T>(playing: Promise<T>, limitMs: number, service: () => RunningService | undefined): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    const written = (): string => [...(service()?.stdout ?? []), ...(service()?.stderr ?? [])].join('\n')
    timer = setTimeout(() => reject(new Error(`the scenario was not over after ${limitMs} ms; the service wrote\n${written()}`)), limitMs)
  })
  try {
    return await Promise.race([playing, limit])
  } finally {
    clearTimeout(timer)
  }
}

function performanceOf(service: RunningService, ledger: Ledger, graceMs: number, mishap: Mishap | undefined): Performance {
  const { stdout, stderr, report, tookMs, beforeStop } = service
  const gaveUp = beforeStop.flatMap((line) => (line.startsWith('gave up ') ? [String(line.split(' ')[2])] : []))
  return {
    accounts: accountsOf(ledger, new Set(gaveUp)),
    report,
    ending: service.ending ?? { code: null, signal: null },
    tookMs,
    graceMs,
    stdout,
    stderr,
    mishap: mishap ? describeMishap(mishap) : '',
  }
}

/** Whatever the answer says: who gets none cannot know what became of the request. */
function withAnswers({ accepted, done, kept = [] }: Ledger, answers: readonly (readonly [string, Answer])[]): Ledger {
  const taken = answers.filter(([, { isTaken }]) => isTaken)
  const answered = taken.filter(([, { status }]) => status > 0)
  return { accepted: [...accepted, ...taken.map(([id]) => id)], done: [...done, ...answered.map(([id]) => id)], kept }
}
