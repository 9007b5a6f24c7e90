import { setTimeout as delay } from 'node:timers/promises'
import { tcpLink } from '@lameduck/conformance'
import { pick, randomFrom, startOwnServers } from '@lameduck/strange-services'
import { createBalancer } from './balancer.ts'
import { startFaults } from './faults.ts'
import { grown } from './flat.ts'
import { startLoad } from './load.ts'
import { startReplica, type Replica, type Sample } from './replica.ts'
import type { SoakOptions } from './soak-options.ts'
import { openStore } from './store.ts'
import { summarise, type SoakFigures } from './summarise.ts'
import { faultsOf } from './verdict.ts'

const restartEveryMs = 20_000
const sampleEveryMs = 2_000
const mostFailedStarts = 20

export interface SoakContext {
  readonly tell: (line: string) => void
  readonly onEnd: (end: () => Promise<void>) => void
  readonly signal: AbortSignal
}

/** Two replicas that are restarted in turn, and a third that stays, since only what stays can grow. */
export async function runSoak({ minutes, seed, sabotage }: SoakOptions, { tell, onEnd, signal }: SoakContext): Promise<SoakFigures> {
  const random = randomFrom(seed)
  const { servers, stop } = await startOwnServers(() => {})
  onEnd(stop)
  const url = (name: 'postgres' | 'redis' | 'kafka'): string => servers.get(name)?.url ?? ''
  const topic = `soak_${seed}`
  const store = await openStore(url('postgres'), url('kafka'), topic)
  onEnd(store.close)
  const behind = new URL(url('postgres'))
  const link = await tcpLink({ host: behind.hostname, port: Number(behind.port) })
  onEnd(async () => link.close())
  behind.host = `${link.host}:${link.port}`
  const env = { DATABASE_URL: behind.href, REDIS_URL: url('redis'), KAFKA_BROKERS: url('kafka'), TOPIC: topic, KAFKAJS_NO_PARTITIONER_WARNING: '1', ...(sabotage ? { SABOTAGE: sabotage } : {}) }

  const all: Replica[] = []
  const failedStarts: string[] = []
  const balancer = createBalancer()
  onEnd(async () => {
    balancer.close()
    await Promise.all(all.map(async (replica) => (replica.ending ? undefined : replica.kill())))
  })
  const begin = async (): Promise<Replica> => {
    const replica = await startReplica(`replica ${all.length}`, env, random() < 0.2).catch((error: unknown) => failedStarts.push(String(error)))
    // A server may be frozen for as long as a start takes: then it is tried again, as kubelet does.
    if (typeof replica === 'number') {
      if (failedStarts.length > mostFailedStarts) throw new Error(failedStarts.join('\n'))
      return begin()
    }
    all.push(replica)
    balancer.add(replica)
    return replica
  }
  const resident = await begin()
  let turning = [await begin(), await begin()]
  const load = startLoad(balancer)
  const killed = async (): Promise<void> => {
    const victim = pick(random, turning)
    turning = turning.filter((each) => each !== victim)
    balancer.remove(victim)
    await victim.kill()
    turning.push(await begin())
  }
  // One thing at a time is done to the set of replicas.
  let last: Promise<unknown> = Promise.resolve()
  const alone = <T>(action: () => Promise<T>): Promise<T> => {
    const done = last.then(action)
    last = done.catch(() => {})
    return done
  }
  const faults = startFaults({ random, servers, link, replicas: () => [resident, ...turning], killOne: () => alone(killed) })
  const samples: Sample[] = []
  const lastSamples: Sample[] = []
  let restarts = 0
  let readyMs = 0
  let stopMs = 0
  const startedAt = performance.now()
  const isOver = (): boolean => signal.aborted || performance.now() - startedAt > minutes * 60_000
  const sampling = (async () => {
    for (; !isOver(); await delay(sampleEveryMs)) samples.push(await resident.sample().catch(() => samples.at(-1) as Sample))
  })()
  for (let nextAt = startedAt + 5_000; !isOver(); nextAt += restartEveryMs) {
    await delay(Math.max(0, nextAt - performance.now()), undefined, { signal }).catch(() => {})
    if (isOver()) break
    await alone(async () => {
      const [old] = turning
      if (!old) return
      const beganAt = performance.now()
      turning = [...turning.slice(1), await begin()]
      readyMs = performance.now() - beganAt
      lastSamples.push(await old.sample())
      // It stays in the balancer, which follows its readiness.
      const signalledAt = performance.now()
      await old.terminate()
      stopMs = performance.now() - signalledAt
      balancer.remove(old)
      restarts += 1
    })
    tell(`  ${((performance.now() - startedAt) / 60_000).toFixed(1)} min: ${restarts} restarts, the last ready after ${seconds(readyMs)} and stopped in ${seconds(stopMs)}, ${load.counts.requests} requests, ${load.counts.broken} broken, ${all.filter((each) => each.isKilled).length} killed`)
  }
  await faults.end()
  await last
  await sampling
  await load.end()
  // The resident ships what is left.
  await store.shipped(all.flatMap(({ accepted }) => [...accepted]), 60_000)
  await Promise.all([resident, ...turning].map(async (replica) => replica.terminate()))
  const found = await store.read()
  const broken = [...all.flatMap((replica) => faultsOf(replica, found)), ...grown(samples)]
  return summarise({ minutes: (performance.now() - startedAt) / 60_000, seed, sabotage, restarts, all, load: load.counts, faults: faults.counts, samples, lastSamples, broken, servers, failedStarts })
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
