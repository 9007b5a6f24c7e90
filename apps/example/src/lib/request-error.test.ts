import { expect, test, vi } from 'vitest'
import { answerFor, RequestError } from './request-error.ts'

test('tells the client what it did wrong', () => {
  expect(answerFor(new RequestError(404, 'there is no order 7'))).toEqual({ status: 404, body: { error: 'there is no order 7' } })
})

test("keeps a framework's own status", () => {
  expect(answerFor(Object.assign(new Error('not JSON'), { statusCode: 400 })).status).toBe(400)
})

test('keeps what went wrong inside to itself, and logs it', () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  expect(answerFor(new Error('password authentication failed for user "orders"'))).toEqual({ status: 500, body: { error: 'internal error' } })
  expect(log).toHaveBeenCalledWith('orders: password authentication failed for user "orders"')
  log.mockRestore()
})
