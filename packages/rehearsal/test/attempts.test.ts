import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Rehearsal } from '../src/index.ts'
import { fixture, rehearseServer } from './rehearse-server.ts'

describe('what a script attempts with a library of its own', () => {
  let rehearsal: Rehearsal
  beforeAll(async () => {
    rehearsal = await rehearseServer({
      replicas: 1,
      warmUpMs: 1_000,
      rollout: { terminate: 0 },
      load: { fast: 14, slow: 0, script: fixture('attempts.mjs') },
    })
  })

  it.each([
    ['fetched', 'failed', /^fetch failed: read ECONNRESET$/],
    ['reset', 'failed', /^read ECONNRESET$/],
    ['judged', 'bad-status', /^HTTP 503$/],
    ['called-back', 'bad-status', /^HTTP 503$/],
    ['then-hangs', 'truncated', /^too short$/],
    ['silent', 'timeout', /^the attempt did not settle within 200 ms$/],
    ['deaf', 'timeout', /^the attempt did not settle within 200 ms$/],
    ['text', 'failed', /^a text$/],
    ['null', 'failed', /^null$/],
    ['bare', 'failed', /^\[Object: null prototype\] \{\}$/],
    ['hostile', 'failed', /^something that cannot be described$/],
    ['own-mistake', 'failed', /^connect ENOENT /],
  ])('%s is lost as %s', (name, reason, detail) => {
    const failures = rehearsal.load.failures.filter((failure) => failure.path === name)
    expect(failures.length).toBeGreaterThan(1)
    for (const failure of failures) expect(failure).toMatchObject({ kind: 'request', method: 'TRY', reason, detail: expect.stringMatching(detail) })
    const told = rehearsal.load.records[name] ?? []
    expect(told).toHaveLength(failures.length)
    for (const each of told) expect(JSON.parse(each)).toMatchObject({ ok: false, reason, aborted: reason === 'timeout' ? 'yes' : 'no' })
  })

  it('what resolves is good, with its value', () => {
    expect(rehearsal.load.records['good']?.length).toBeGreaterThan(5)
    expect(new Set(rehearsal.load.records['good'])).toEqual(new Set(['{"ok":true,"value":200,"aborted":"no"}']))
    expect(rehearsal.load.failures.filter((failure) => ['good', 'lasting'].includes(failure.path))).toEqual([])
    expect(rehearsal.load.ok).toBe((rehearsal.load.records['good']?.length ?? 0) + 1)
    expect(rehearsal.load.ok + rehearsal.load.lost).toBe(rehearsal.load.sent)
  })

  it('what lasts until the load ends is good, and no latency', () => {
    expect(rehearsal.load.records['lasting']).toEqual(['{"ok":true,"aborted":"no"}'])
    expect(rehearsal.load.latency.maxMs).toBeLessThan(1_000)
  })

  it('is put down to the replica of the connection that it names', () => {
    const of = (name: string) => rehearsal.load.failures.filter((failure) => failure.path === name)
    expect(new Set(of('reset').map((failure) => failure.replica))).toEqual(new Set(['old-1']))
    expect(new Set(of('text').map((failure) => failure.replica))).toEqual(new Set([undefined]))
    for (const name of ['judged', 'called-back']) expect(of(name).map((failure) => failure.reusedConnection)).toEqual(of(name).map((_, index) => index > 0))
  })

  it('every session is closed once', () => {
    expect(rehearsal.load.records['closed']?.toSorted()).toEqual([
      'bare', 'called-back', 'deaf', 'fetched', 'good', 'hostile', 'judged', 'lasting', 'null', 'own-mistake', 'reset', 'silent', 'text', 'then-hangs',
    ])
  })
})

it('sees the same in a rolling update as the clients that come with it', async () => {
  const rehearsal = await rehearseServer({ env: { ON_TERM: 'exit' }, load: { fast: 20, slow: 5, script: fixture('own-client.mjs') } })
  const { failures } = rehearsal.load
  expect(rehearsal.load.lost).toBe(failures.length)
  const refused = failures.filter((failure) => failure.reason === 'refused')
  expect(refused.length).toBeGreaterThan(0)
  for (const failure of refused) expect(failure.detail).toBe('connect ECONNREFUSED')
  const cut = failures.filter((failure) => failure.reason === 'failed')
  expect(cut.length).toBeGreaterThan(0)
  for (const failure of cut) expect(failure.detail).toMatch(/^(read ECONNRESET|socket hang up \(ECONNRESET\)|aborted \(ECONNRESET\))$/)
  for (const failure of failures) {
    expect(failure.replica).toMatch(/^old-[12]$/)
    expect(failure.afterSignalMs).toBeGreaterThan(-50)
  }
})

it('pauses for as long as it is told', async () => {
  const sent = async (fastPauseMs: number) => {
    const rehearsal = await rehearseServer({ env: { WORK_MS: '0' }, replicas: 1, warmUpMs: 1_000, rollout: { terminate: 0 }, load: { fast: 5, slow: 0, fastPauseMs } })
    return rehearsal.load.sent
  }
  const [short, long] = [await sent(20), await sent(1_000)]
  expect(long).toBeLessThan(30)
  expect(short).toBeGreaterThan(60)
})

describe('a script that is broken', () => {
  const broken = async (script: string, how = ''): Promise<unknown> => {
    process.env['BROKEN'] = how
    onTestFinished(() => void delete process.env['BROKEN'])
    return rehearseServer({ replicas: 1, rollout: { terminate: 0 }, load: { fast: 2, slow: 0, timeoutMs: 100, script: fixture(script) } }).then(
      () => expect.fail('it did not reject'),
      (error: unknown) => error,
    )
  }

  it.each([
    ['create', /TypeError: cannot connect/],
    ['close', /TypeError: cannot close/],
    // A close that throws as well, or never ends, does not hide it.
    ['round-and-close', /Error: the real cause/],
    ['round-and-close-hangs', /Error: the real cause/],
    ['bare', /: \[Object: null prototype\] \{\}$/],
    ['close-hangs', /: close\(\) of a session of \S+broken-session.mjs did not settle within 10 s/],
    ['nothing', /createSession of \S+broken-session.mjs must return \{ round\(\), close\?\(\) \}; it returned undefined/],
    ['no-round', /createSession of \S+broken-session.mjs must return \{ round\(\), close\?\(\) \}; round is undefined \(undefined\)/],
    ['close-no-function', /createSession of \S+broken-session.mjs must return \{ round\(\), close\?\(\) \}; close is 5 \(number\)/],
    ['idle', /broken-session.mjs has sent nothing: none of its 2 clients called client.request or client.attempt/],
    ['infinite-request', /timeoutMs of client.request must be a number of milliseconds, at least 1; it is Infinity/],
    ['infinite', /timeoutMs of client.attempt, unless 'none', must be a number of milliseconds, at least 1; it is Infinity/],
    ['words', /timeoutMs of client.attempt, unless 'none', must be a number of milliseconds, at least 1; it is "nine"/],
    ['no-options', /was given undefined \(undefined\) as options; it must be an object/],
    ['no-work', /was given undefined \(undefined\) as work; it must be a function/],
    ['no-detail', /lose\(reason, detail\) was given the detail undefined \(undefined\); it must be a text/],
    ['no-such-reason', /lose\(reason, detail\) was given the reason "no-such-reason" \(string\); it must be one of refused, .*, failed/],
  ])('%s', async (how, message) => {
    expect(await broken('broken-session.mjs', how)).toMatchObject({ code: 'load-failed', message: expect.stringMatching(message) })
  })

  it('a round never ends: told when the time of an attempt and 20 s are over', async () => {
    expect(await broken('broken-session.mjs', 'round')).toMatchObject({ code: 'load-failed', message: 'the clients did not end: a session of the script never settles' })
  })

  it('exports a session that returns one', async () => {
    const message = /session of \S+session-with-round.mjs returned an object with a function round; export it as createSession/
    expect(await broken('session-with-round.mjs')).toMatchObject({ code: 'load-failed', message: expect.stringMatching(message) })
  })

  it('exports both kinds', async () => {
    expect(await broken('two-exports.mjs')).toMatchObject({ code: 'load-failed', message: expect.stringMatching(/exports both session and createSession; it must export one of them/) })
  })

  it('exports neither', async () => {
    expect(await broken('no-export.mjs')).toMatchObject({ code: 'load-failed', message: expect.stringMatching(/must export a function called session or createSession/) })
  })
})
