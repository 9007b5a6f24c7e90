import { beforeAll, describe, expect, it } from 'vitest'
import type { Rehearsal } from '../src/index.ts'
import { fixture, rehearseServer } from './rehearse-server.ts'

describe('why a request was lost', () => {
  let rehearsal: Rehearsal
  beforeAll(async () => {
    rehearsal = await rehearseServer({
      replicas: 1,
      warmUpMs: 1_500,
      rollout: { terminate: 0 },
      load: { fast: 9, slow: 0, streams: 1, streamPath: '/cut-chunked', script: fixture('reasons.mjs') },
    })
  })

  it.each([
    ['/unavailable', 'bad-status', 'HTTP 503'],
    ['/silent', 'timeout', 'no complete answer within 300 ms'],
    ['/reset', 'reset-before-headers', 'read ECONNRESET'],
    ['/hang-up', 'reset-before-headers', 'socket hang up'],
    ['/reset-in-body', 'reset-after-headers', 'read ECONNRESET'],
    ['/cut-chunked', 'truncated', 'aborted'],
    ['/cut-length', 'truncated', 'aborted'],
    ['/garbage', 'unreadable', 'Parse Error: Expected HTTP/, RTSP/ or ICE/'],
  ])('%s is %s', (path, reason, detail) => {
    const failures = rehearsal.load.failures.filter((failure) => failure.path === path && failure.kind === 'request')
    expect(failures.length).toBeGreaterThan(1)
    for (const failure of failures) expect(failure).toMatchObject({ reason, detail, replica: 'old-1', afterSignalMs: undefined })
    // The script was told the same, every time.
    expect(new Set(rehearsal.load.records[path])).toEqual(new Set(['lost']))
    expect(rehearsal.load.records[path]).toHaveLength(failures.length)
  })

  it('counts the good ones between them', () => {
    expect(rehearsal.load.failures.filter((failure) => failure.path === '/')).toEqual([])
    expect(rehearsal.load.ok).toBeGreaterThan(5)
    expect(rehearsal.load.ok + rehearsal.load.lost).toBe(rehearsal.load.sent)
  })

  it('a status costs no connection, a broken connection is replaced', () => {
    const unavailable = rehearsal.load.failures.filter((failure) => failure.path === '/unavailable')
    expect(unavailable.slice(1).every((failure) => failure.reusedConnection)).toBe(true)
    const reset = rehearsal.load.failures.filter((failure) => failure.path === '/reset')
    expect(reset.some((failure) => failure.reusedConnection)).toBe(false)
  })

  it('a stream without its complete end is lost', () => {
    const streams = rehearsal.load.failures.filter((failure) => failure.kind === 'stream')
    expect(streams.length).toBe(rehearsal.load.streams.lost)
    expect(streams.length).toBeGreaterThan(1)
    expect(streams[0]).toMatchObject({ reason: 'truncated', status: 200 })
  })
})

describe('refused', () => {
  it('when the replica says ready but does not listen', async () => {
    const rehearsal = await rehearseServer({
      replicas: 1,
      warmUpMs: 500,
      rollout: { terminate: 0 },
      load: { fast: 4, slow: 0, script: fixture('closed-listener.mjs') },
    })
    const last = rehearsal.load.failures.at(-1)
    expect(last).toMatchObject({ reason: 'refused', detail: 'connect ECONNREFUSED', replica: 'old-1', reusedConnection: false })
  })

  it('when no endpoint is left', async () => {
    const rehearsal = await rehearseServer({
      replicas: 1,
      rollout: { replace: false },
      network: { propagationMs: 0 },
      load: { fast: 4, slow: 0 },
    })
    expect(rehearsal.load.failures.at(-1)).toMatchObject({ reason: 'refused', detail: 'no ready endpoint', replica: undefined })
  })
})

describe('a replica that crashes', () => {
  it('is in the exits, and what it lost is in the failures', async () => {
    const rehearsal = await rehearseServer({
      env: { CRASH_AFTER_MS: '1200', WORK_MS: '40' },
      warmUpMs: 1_500,
      rollout: { terminate: 0 },
      load: { fast: 20, slow: 0, streams: 3 },
    })
    expect(rehearsal.exits).toEqual([
      { replica: 'old-1', code: 3, signal: null, atMs: expect.any(Number), during: 'running', afterSignalMs: undefined, graceLeftMs: undefined, killed: false },
    ])
    expect(rehearsal.load.lost).toBeGreaterThan(0)
    for (const failure of rehearsal.load.failures) expect(failure).toMatchObject({ replica: 'old-1', afterSignalMs: undefined })
  })
})
