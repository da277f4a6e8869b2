import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrice } from './price.ts'

test('where many offers fail the price rises until few enough are made', () => {
  const price = createPrice(() => 10)
  let unwanted = 0
  for (let action = 0; action < 4000; action++) {
    // Offers of every worth come in a fixed order; those above the price are made, and are unwanted.
    if (((action * 7) % 20) / 2 > price.now()) {
      price.unwanted()
      if (action >= 2000) unwanted++
    }
    price.acted()
  }
  const perHundred = unwanted / 20
  assert.ok(perHundred > 7.5 && perHundred < 9.5, `${perHundred}`)
})

test('where nothing is unwanted it comes to nothing', () => {
  const price = createPrice(() => 10)
  for (let action = 0; action < 100; action++) price.acted()
  assert.equal(price.now(), 0)
})
