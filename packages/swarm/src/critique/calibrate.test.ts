import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chanceOf, fitScale, type Sample } from './calibrate.ts'

const sample = (right: boolean, ...readings: number[]): Sample => ({ readings, right })

test('a chance is how many were right at such a height, and rises with it', () => {
  // 1 of 4 right at 0, 3 of 4 at 1, out of order.
  const samples = [
    ...[true, false, true, true].map((right) => sample(right, 1)),
    ...[false, true, false, false].map((right) => sample(right, 0)),
  ]
  const scale = fitScale(samples)
  assert.equal(scale.heights.length, 2)
  // Two samples of the overall half are added to each four.
  assert.equal(chanceOf(scale, [0]), 2 / 6)
  assert.equal(chanceOf(scale, [1]), 4 / 6)
  assert.equal(chanceOf(scale, [0.5]), 0.5)
  assert.equal(chanceOf(scale, [-99]), 2 / 6)
  assert.equal(chanceOf(scale, [99]), 4 / 6)
})

test('a falling part is levelled: nothing that looks better is thought less likely', () => {
  const heights = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  const rights = [false, false, true, false, true, false, false, true, true, true]
  const scale = fitScale(heights.map((height, i) => sample(rights[i]!, height)))
  const chances = Array.from({ length: 101 }, (_, i) => chanceOf(scale, [i / 10]))
  for (const [i, chance] of chances.entries()) {
    assert.ok(chance > 0 && chance < 1)
    if (i > 0) assert.ok(chance >= chances[i - 1]!, `${i}`)
  }
  assert.ok(chances[0]! < 0.3 && chances[100]! > 0.7)
})

test('a step of few samples is never below one before it', () => {
  const samples = [
    ...Array.from({ length: 200 }, () => sample(false, 0)),
    ...Array.from({ length: 100 }, (_, i) => sample(i % 2 === 0, 1)),
    sample(true, 2),
  ]
  const scale = fitScale(samples)
  assert.equal(scale.heights.length, 3)
  assert.ok(chanceOf(scale, [2]) >= chanceOf(scale, [1]))
})

test('readings are weighed by what they are worth, whatever their units', () => {
  // The first says all, the second nothing, the third is the first again.
  const samples = Array.from({ length: 64 }, (_, i) => {
    const right = i % 4 === 0
    return sample(right, (right ? 1000 : 0) + (i % 7), ((i * 37) % 11) / 1000, (right ? 1000 : 0) + (i % 7))
  })
  const scale = fitScale(samples)
  assert.ok(scale.weights.every(Number.isFinite))
  const wrongs = samples.filter(({ right }) => !right).map(({ readings }) => chanceOf(scale, readings))
  const rights = samples.filter(({ right }) => right).map(({ readings }) => chanceOf(scale, readings))
  assert.ok(Math.max(...wrongs) < 0.1 && Math.min(...rights) > 0.9)
  assert.deepEqual(fitScale(samples), scale)
})

test('where all are right, or none, or nothing differs, every answer has the chance of all', () => {
  for (const rights of [
    [true, true],
    [false, false, false],
    [true, false],
  ]) {
    const scale = fitScale(rights.map((right) => sample(right, 3, 3)))
    const [chance, other] = [chanceOf(scale, [3, 3]), chanceOf(scale, [-5, 8])]
    assert.ok(chance > 0 && chance < 1 && chance === other)
  }
  assert.throws(() => fitScale([]), RangeError)
})
