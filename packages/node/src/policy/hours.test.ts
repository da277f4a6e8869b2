import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withinHours } from './hours.ts'

const at = (weekday: number, time: string) => {
  const [h, m] = time.split(':').map(Number)
  return { weekday, minute: h! * 60 + m! }
}

test('no hours are all hours', () => {
  assert.ok(withinHours([], at(0, '00:00')))
})

test('a span within a day has its beginning and not its end', () => {
  const hours = [{ from: '09:00', to: '17:30' }]
  for (const time of ['09:00', '12:00', '17:29']) assert.ok(withinHours(hours, at(3, time)), time)
  for (const time of ['08:59', '17:30', '00:00', '23:59']) assert.ok(!withinHours(hours, at(3, time)), time)
})

test('a span over midnight belongs to the day on which it begins', () => {
  const hours = [{ from: '22:00', to: '07:00', days: ['fri' as const, 'sat' as const] }]
  assert.ok(withinHours(hours, at(5, '22:00')))
  assert.ok(withinHours(hours, at(6, '06:59')))
  assert.ok(withinHours(hours, at(0, '06:59')))
  assert.ok(!withinHours(hours, at(5, '06:59')))
  assert.ok(!withinHours(hours, at(0, '22:00')))
  assert.ok(!withinHours(hours, at(6, '12:00')))
})

test('equal ends are a whole day from that time on', () => {
  const hours = [{ from: '06:00', to: '06:00', days: ['mon' as const] }]
  assert.ok(withinHours(hours, at(1, '06:00')))
  assert.ok(withinHours(hours, at(2, '05:59')))
  assert.ok(!withinHours(hours, at(2, '06:00')))
  assert.ok(!withinHours(hours, at(1, '05:59')))
})
