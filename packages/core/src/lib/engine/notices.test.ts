import { expect, test } from 'vitest'
import { createFakeClock } from '../testing/fake-clock.ts'
import { createLifecycle } from './create-lifecycle.ts'
import { createNotices } from './notices.ts'

const day = 86_400_000

test('what a poller announces again and again is one notice', () => {
  const clock = createFakeClock()
  const notices = createNotices(clock, 30_000)
  const added = Array.from({ length: 6_000 }, (_, index) => notices.add(clock.now() + day + index, 'maintenance'))
  expect(added.filter(Boolean)).toHaveLength(1)
  expect(notices.first()).toEqual({ deadline: day, why: 'maintenance' })
})

test('the earliest stands, and when it has been withdrawn the next one', async () => {
  const clock = createFakeClock()
  const notices = createNotices(clock, 30_000)
  expect([notices.add(day, 'maintenance'), notices.add(5_000, 'spot'), notices.add(20_000, 'spot, a little later')]).toEqual([true, true, false])
  expect(notices.first()?.why).toBe('spot')
  await clock.advance(35_000)
  expect(notices.first()?.why).toBe('spot')
  await clock.advance(1)
  expect(notices.first()?.why).toBe('maintenance')
})

test('an earlier one takes the place of those that it stands for', () => {
  const notices = createNotices(createFakeClock(), 30_000)
  expect([notices.add(20_000, 'a'), notices.add(10_000, 'b'), notices.add(19_000, 'c')]).toEqual([true, true, false])
  expect(notices.first()?.why).toBe('b')
})

test('ten thousand different ones are as good as the hundred that come first', () => {
  const notices = createNotices(createFakeClock(), 1)
  const begun = performance.now()
  for (let index = 10_000; index > 0; index -= 1) notices.add(index * 100, String(index))
  expect(performance.now() - begun).toBeLessThan(5_000)
  expect(notices.first()?.why).toBe('1')
})

test('an event tells of a notice that says something new, and of no other', () => {
  const lifecycle = createLifecycle({ clock: createFakeClock(), env: {} })
  const heard: string[] = []
  lifecycle.subscribe((event) => void (event.type === 'deadline-shrunk' && heard.push(`${event.why} ${event.leftMs}`)))
  lifecycle.shrinkTo(day, 'maintenance')
  lifecycle.shrinkTo(day + 1_000, 'maintenance')
  lifecycle.shrinkTo(20_000, 'spot')
  expect(heard).toEqual([`maintenance ${day}`, 'spot 20000'])
})
