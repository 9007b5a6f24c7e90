import type { Rehearsal, ReplicaExit } from '@lameduck/rehearsal'
import { describe, expect, test } from 'vitest'
import { lossesOf, lostAltogether, sumOf } from '../demonstration/losses.ts'
import { parseOptions } from '../demonstration/options.ts'
import { drawTable } from '../demonstration/picture.ts'
import type { Side } from '../demonstration/side.ts'

describe('what is typed after npm start --', () => {
  test('has defaults', () => expect(parseOptions([])).toEqual({ json: false, runs: 1, framework: 'express' }))
  test('is understood', () => expect(parseOptions(['--json', '--runs', '10', '--framework', 'nest'])).toEqual({ json: true, runs: 10, framework: 'nest' }))
  test.each([
    [['--runs', 'many'], '--runs takes a whole number from 1 to 100; it is "many"'],
    [['--framework', 'koa'], '--framework takes express, fastify, nest; it is "koa"'],
    [['--colour'], "Unknown option '--colour'"],
    [['now'], "Unexpected argument 'now'"],
  ])('is refused with what can be typed: %j', (words, message) => {
    expect(() => parseOptions(words)).toThrow(message)
    expect(() => parseOptions(words)).toThrow('npm start -- [--json]')
  })
})

const exit: ReplicaExit = { replica: 'old-1', code: 0, signal: null, atMs: 9_000, during: 'terminating', afterSignalMs: 2_100.4, graceLeftMs: 9_899.6, killed: false }

function side(): Side {
  return {
    rehearsal: {
      load: { sent: 100, ok: 97, lost: 3, failures: [], records: {}, streams: { opened: 5, ended: 4, lost: 1, openAtEnd: 0 } },
      exits: [exit],
      replicas: [],
    } as unknown as Rehearsal,
    verdict: {
      orders: { accepted: 40, missing: ['a'] },
      events: { published: 39, shipments: 40, unpublished: ['b'], publishedTwice: 1, lost: 2, duplicated: 3, pending: 0, caughtUp: true },
    },
  }
}

test('losses have the form that --json promises, and every kind counts', () => {
  const losses = lossesOf(side())
  expect(losses).toEqual({
    requests: { sent: 105, lost: 4 },
    orders: { accepted: 40, missing: 1 },
    events: { published: 39, shipments: 40, lost: 3, duplicated: 4 },
    exits: [{ replica: 'old-1', code: 0, signal: null, afterSignalMs: 2_100, graceLeftMs: 9_900 }],
  })
  expect(lostAltogether(losses)).toBe(12)
  expect(lostAltogether(sumOf([losses, losses]))).toBe(24)
})

test('what could not be counted is null, never 0', () => {
  const losses = lossesOf({ ...side(), verdict: { orders: undefined, events: undefined } })
  expect(losses).toMatchObject({ orders: null, events: null })
  expect(sumOf([losses])).toMatchObject({ orders: null, events: null })
})

test('the table stands beside each other, and marks losses only when colours are wanted', () => {
  const losses = lossesOf(side())
  expect(drawTable(losses, losses, false)).toMatchInlineSnapshot(`
    "                                     lameduck     copied helper
    requests sent                             105               105
    requests lost                               4                 4
    orders accepted (201)                      40                40
    orders accepted but missing                 1                 1
    order events published                     39                39
    shipments                                  40                40
    order events lost                           3                 3
    order events handled twice                  4                 4
    exit codes                                  0                 0
    grace period used, at most    2.1 s of 15.0 s   2.1 s of 15.0 s"
  `)
  expect(drawTable(losses, losses, true)).toContain('\u001B[31m')
})
