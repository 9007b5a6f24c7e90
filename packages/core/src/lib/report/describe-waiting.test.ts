import { expect, test } from 'vitest'
import { describeWaiting } from './describe-waiting.ts'

test('names the steps, how much is in flight, and the oldest of it', () => {
  const steps = [
    { name: 'http', inFlight: 4, waitingFor: ['GET /a 4.2 s', 'GET /b 3.1 s', 'GET /c 900 ms', 'GET /d 2 ms'] },
    { name: 'mailer', inFlight: undefined, waitingFor: [] },
  ]
  expect(describeWaiting(steps, 11_840)).toBe('still waiting for http (4 in flight, GET /a 4.2 s, GET /b 3.1 s, GET /c 900 ms, …); mailer; 11.8 s left')
})

test('stays one line, however many steps there are', () => {
  const steps = Array.from({ length: 8 }, (_, index) => ({ name: `r${index}`, inFlight: 1, waitingFor: [] }))
  expect(describeWaiting(steps, 500)).toBe(
    'still waiting for r0 (1 in flight); r1 (1 in flight); r2 (1 in flight); r3 (1 in flight); r4 (1 in flight); 3 more; 0.5 s left',
  )
})
