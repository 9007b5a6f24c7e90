import { rehearse, type Rehearsal } from '@lameduck/rehearsal'
import { expect, test } from 'vitest'

/** A replica is replaced while clients that keep their connections ask without a pause to speak of; they repeat nothing. */
async function rollOut(kind: string, variant: 'naive' | 'lameduck'): Promise<Rehearsal> {
  const file = (path: string): string => new URL(path, import.meta.url).pathname
  return rehearse({
    command: ['node', file('fixtures/hybrid.mjs'), kind, variant],
    replicas: 1,
    network: { propagationMs: 500 },
    rollout: { graceMs: 20_000 },
    load: { fast: 15, slow: 10, script: file(`load/${kind}.mjs`) },
  })
}

/** What the replicas said in their reports that they refused. */
function refusedBy({ replicas }: Rehearsal): number {
  const reports = replicas.flatMap(({ output }) => output.map(({ text }) => text)).filter((text) => text.startsWith('{"lameduck":"report"'))
  const steps = reports.flatMap((text) => (JSON.parse(text) as { steps: { work?: { refused: number } }[] }).steps)
  return steps.reduce((sum, { work }) => sum + (work?.refused ?? 0), 0)
}

test.each(['tcp', 'grpc'])('app.close() on the signal loses what comes over %s: the naive stop', { timeout: 120_000 }, async (kind) => {
  const { load } = await rollOut(kind, 'naive')
  expect(load.lost).toBeGreaterThan(0)
})

test('gRPC loses nothing, for its clients can be told to go', { timeout: 120_000 }, async () => {
  const { load } = await rollOut('grpc', 'lameduck')
  expect(load.failures).toEqual([])
  expect(load.sent).toBeGreaterThan(100)
})

test.each(['tcp', 'ws'])('what crosses the end of a connection of %s is refused, and every one is counted', { timeout: 120_000 }, async (kind) => {
  const rehearsal = await rollOut(kind, 'lameduck')
  expect(rehearsal.load.sent).toBeGreaterThan(100)
  expect(rehearsal.load.lost).toBe(refusedBy(rehearsal))
  expect(rehearsal.exits).toEqual([expect.objectContaining({ code: 0 })])
})
