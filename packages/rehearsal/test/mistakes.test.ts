import { describe, expect, it } from 'vitest'
import { rehearse, type RehearsalOptions } from '../src/index.ts'
import { requireAttempt } from '../src/lib/run-attempt.ts'
import { fixture, rehearseServer } from './rehearse-server.ts'

const command = ['node', 'x.mjs']

describe('a mistake in the options is refused before anything starts', () => {
  it.each<[object | undefined, string]>([
    [undefined, 'rehearse() takes an object of options'],
    [new Map(), 'rehearse() takes an object of options'],
    [{ command, replica: 3 }, 'the option replica is not known; did you mean replicas?'],
    [{ command, graceMs: 3 }, 'the option graceMs is not known; did you mean rollout.graceMs?'],
    [{ command, rollout: { gracems: 3 } }, 'rollout of rehearse(): the option gracems is not known; did you mean graceMs?'],
    [{ command, probes: { period: 3 } }, 'probes of rehearse(): the option period is not known; did you mean periodMs?'],
    [{ command, probes: { readiness: { path: '/', ports: 'app', port: 'app' } } }, 'the option ports is not known; did you mean port?'],
    [{ command, probes: { readiness: '/readyz' } }, 'probes.readiness of rehearse() takes an object of options'],
    [{ command, network: [] }, 'network of rehearse() takes an object of options'],
    [{ command, load: { fas: 3 } }, 'load of rehearse(): the option fas is not known; did you mean fast?'],
    [{ command, load: { fast: 1e308 } }, 'load.fast must be a whole number, at least 0 and at most 1000000; it is 1e+308 (number)'],
    [{ command, load: { script: 5 } }, 'load.script must be a text; it is 5 (number)'],
    [{ command, load: { path: 'orders' } }, 'load.path must begin with "/"; it is "orders" (string)'],
    [{ command, load: { streamPath: 7 } }, 'load.streamPath must begin with "/"'],
    [{ command, replicas: 1e9 }, 'replicas must be a whole number, at least 1 and at most 1000; it is 1000000000 (number)'],
    [{ command, rollout: { preStop: { sleepms: 1 } } }, 'the option sleepms is not known; did you mean sleepMs?'],
    [{ command, rollout: { preStop: { sleepMs: 1, httpGet: { path: '/', port: 'app' } } } }, "rollout.preStop must be 'none', { sleepMs } or { httpGet: { path, port } }"],
    [{ command, rollout: { replace: 'no' } }, 'rollout.replace must be true or false; it is "no" (string)'],
    [{ command, lastReplicas: 'stop' }, "lastReplicas must be 'kill' or 'terminate'; it is \"stop\" (string)"],
    [{ command, onEvent: {} }, 'onEvent must be a function'],
    [{ command, signal: {} }, 'signal must be an AbortSignal'],
    [{ command, env: { A: 1 } }, 'env.A must be a text; it is 1 (number)'],
    [{ command, cwd: 7 }, 'cwd must be a text; it is 7 (number)'],
    [{ command: ['node', 7] }, 'command must be a program and its arguments'],
    [{ command: 'node x.mjs' }, 'command must be a program and its arguments'],
    [{}, 'command must be a program and its arguments'],
  ])('%#', async (options, message) => {
    await expect(rehearse(options as RehearsalOptions)).rejects.toMatchObject({ name: 'LifecycleError', code: 'invalid-option', message: expect.stringContaining(message) as string })
  })

  it('an option of client.attempt', () => {
    expect(() => requireAttempt({ timeoutms: 5 } as never, () => {}, 1)).toThrow('client.attempt(): the option timeoutms is not known; did you mean timeoutMs?')
  })
})

it('an option of client.request that is not known fails the rehearsal', async () => {
  await expect(rehearseServer({ replicas: 1, rollout: { terminate: 0 }, load: { fast: 1, slow: 0, script: fixture('mistaken.mjs') } })).rejects.toThrow(
    'client.request(): the option pth is not known; did you mean path?',
  )
})

it('an answer without an end is unreadable, and fills no memory; a kind is any text', async () => {
  const rehearsal = await rehearseServer({ replicas: 1, warmUpMs: 1_000, rollout: { terminate: 0 }, load: { fast: 1, slow: 0, script: fixture('endless.mjs') } })
  expect(rehearsal.load.failures[0]).toMatchObject({ path: '/endless', reason: 'unreadable', detail: 'the answer has more than 16777216 characters' })
  expect(rehearsal.load.records['constructor']?.[0]).toBe('lost')
})
