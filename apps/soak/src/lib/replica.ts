import { fork } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Report } from '@lameduck/core'

/** What a process holds, after a full collection of garbage. */
export interface Sample {
  readonly atMs: number
  readonly rssMb: number
  readonly heapMb: number
  readonly fds: number
  readonly listeners: number
}

export interface Replica {
  readonly name: string
  readonly port: number
  readonly probePort: number
  /** Ids whose request it has answered with 201, and notes it has confirmed. */
  readonly accepted: Set<string>
  /** Requests that ended without an answer, when (`performance.now()`) and why. */
  readonly broken: Map<string, { readonly atMs: number; readonly why: string }>
  /** When it was asked to stop. */
  readonly signalledAt: number | undefined
  readonly ending: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
  readonly report: Report | undefined
  /** Whether it was killed as a fault: what it had in flight is promised to nobody. */
  readonly isKilled: boolean
  readonly tell: (message: string) => void
  readonly sample: () => Promise<Sample>
  /** SIGTERM, and SIGKILL when the grace period is over. */
  readonly terminate: () => Promise<void>
  readonly kill: () => Promise<void>
}

interface Said {
  readonly ready?: { readonly port: number; readonly probePort: number }
  readonly sample?: Sample
  readonly report?: Report
}

const program = fileURLToPath(new URL('../../programs/service.mjs', import.meta.url))
export const graceMs = 15_000
const readyLimitMs = 60_000

/** @param hasFullDisk its logs go where every write fails with ENOSPC */
export async function startReplica(name: string, env: Readonly<Record<string, string>>, hasFullDisk: boolean): Promise<Replica> {
  const log = hasFullDisk ? openSync('/dev/full', 'w') : ('ignore' as const)
  const child = fork(program, { execArgv: ['--expose-gc'], env: { PATH: process.env['PATH'], GRACE_MS: String(graceMs), ...env }, stdio: ['ignore', log, log, 'ipc'] })
  if (typeof log === 'number') closeSync(log)
  let ending: Replica['ending']
  let report: Report | undefined
  let isKilled = false
  let signalledAt: number | undefined
  let onSample: (sample: Sample) => void = () => {}
  const exited = once(child, 'exit').then(([code, signal]) => void (ending = { code: code as number | null, signal: signal as NodeJS.Signals | null }))
  child.on('error', () => {})
  const ready = new Promise<NonNullable<Said['ready']>>((resolve, reject) => {
    child.on('message', (said: Said) => {
      if (said.ready) resolve(said.ready)
      if (said.sample) onSample(said.sample)
      if (said.report) report = said.report
    })
    void exited.then(() => reject(new Error(`${name} ended before it was ready`)))
    setTimeout(() => reject(new Error(`${name} was not ready in ${readyLimitMs / 1_000} s`)), readyLimitMs).unref()
  })
  try {
    const { port, probePort } = await ready
    return { name, port, probePort, accepted: new Set(), broken: new Map(), terminate, kill, sample, tell: (message) => void (child.connected && child.send(message)), get ending() { return ending }, get signalledAt() { return signalledAt }, get report() { return report }, get isKilled() { return isKilled } }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }

  async function terminate(): Promise<void> {
    signalledAt = performance.now()
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await exited
    clearTimeout(timer)
  }

  async function kill(): Promise<void> {
    isKilled = true
    child.kill('SIGKILL')
    await exited
  }

  function sample(): Promise<Sample> {
    return new Promise((resolve, reject) => {
      onSample = resolve
      if (child.connected) child.send('sample')
      setTimeout(() => reject(new Error(`${name} gives no sample`)), 20_000).unref()
    })
  }
}
