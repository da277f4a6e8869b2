import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GIVEN } from '@lockstep/market'
import fc from 'fast-check'
import { shapeOf } from './shape.ts'

const shape = (mode: 'train' | 'sweep' | 'replicas', width: number, rounds: number) =>
  shapeOf({
    mode,
    rounds,
    workers: mode === 'sweep' ? 1 : width,
    sweep: mode === 'sweep' ? Array(width).fill({}) : [],
  })

test('slices read earlier slices only, and every slice but a result is read', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('train', 'sweep', 'replicas'),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      (mode, width, rounds) => {
        const { slices, results } = shape(mode, width, rounds)
        const read = new Set(results)
        slices.forEach((slice, i) => {
          const reads = [slice.initialFrom, ...(slice.role === 'merge' ? slice.inputsFrom : [])]
          for (const from of reads) {
            assert.ok(from < i || from === GIVEN)
            read.add(from)
          }
          assert.equal(slice.initialFrom === GIVEN, slice.role === 'train' && slice.round === 0)
        })
        if (mode !== 'replicas') slices.forEach((_, i) => assert.ok(read.has(i), `${mode} ${i}`))
      },
    ),
  )
})

test('two rounds of three workers are three, a merge, three, a merge', () => {
  const { slices, results } = shape('train', 3, 2)
  assert.deepEqual(
    slices.map((s) => [s.role, s.initialFrom]),
    [
      ...[0, 1, 2].map(() => ['train', GIVEN]),
      ['merge', 0],
      ...[0, 1, 2].map(() => ['train', 3]),
      ['merge', 4],
    ],
  )
  assert.deepEqual(results, [7])
})

test('a sweep has a chain for each variant, replicas a group for each round, one worker no merge', () => {
  assert.deepEqual(shape('sweep', 2, 2).results, [2, 3])
  assert.deepEqual(
    shape('sweep', 2, 2).slices.map((s) => s.initialFrom),
    [GIVEN, GIVEN, 0, 1],
  )
  const replicas = shape('replicas', 2, 2)
  assert.deepEqual(
    replicas.slices.map((s) => s.role === 'train' && [s.initialFrom, s.group]),
    [
      [GIVEN, 1],
      [GIVEN, 1],
      [0, 2],
      [0, 2],
    ],
  )
  assert.deepEqual(replicas.results, [2])
  assert.ok(shape('train', 1, 3).slices.every((s) => s.role === 'train'))
})
