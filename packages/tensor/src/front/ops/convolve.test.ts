import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { agrees } from '../../../test/agreement.ts'
import { executors, sameEverywhere } from '../../../test/everywhere.ts'
import type { Program } from '../../program.ts'
import { traceProgram } from '../trace-program.ts'
import {
  type ConvolveTransposedOptions,
  conv1d,
  conv2d,
  convTransposed1d,
  convTransposed2d,
} from './convolve.ts'

const list = await executors()
after(() => Promise.all(list.map((e) => e.close())))

const OF = { conv1d, conv2d, convTransposed1d, convTransposed2d } as const
const held = (
  name: keyof typeof OF,
  x: readonly number[],
  w: readonly number[],
  options: ConvolveTransposedOptions = {},
): Program => agrees({ numbers: { x, w }, fn: ({ x, w }) => OF[name](x!, w!, options) })

test('convolutions: stride, padding, dilation, groups', async () => {
  await sameEverywhere(list, [
    held('conv1d', [2, 6, 2], [3, 2, 3], { stride: 2, padding: 2 }),
    held('conv1d', [1, 7, 4], [2, 2, 2], { groups: 2, dilation: 2 }),
    held('conv1d', [1, 9, 1], [3, 1, 2], { stride: 2, dilation: 2, padding: 1 }),
    held('conv1d', [1, 8, 2], [2, 2, 1], { stride: 3 }), // places that no window sees
    held('conv2d', [1, 4, 5, 2], [3, 3, 2, 4], { stride: [2, 1], padding: [1, 0] }),
    held('conv2d', [1, 5, 4, 4], [3, 3, 1, 4], { groups: 4, padding: 1, stride: 2 }), // depthwise
    held('conv2d', [1, 4, 4, 2], [1, 1, 2, 3], { stride: 2 }),
    held('conv2d', [2, 4, 3, 4], [2, 2, 2, 6], { groups: 2 }),
    held('conv2d', [1, 5, 5, 1], [3, 2, 1, 1], { dilation: [2, 1] }),
  ])
})

test('transposed convolutions', async () => {
  await sameEverywhere(list, [
    held('convTransposed1d', [2, 3, 2], [3, 2, 2]),
    held('convTransposed1d', [1, 3, 2], [3, 2, 3], { stride: 2, padding: 1, extra: 1 }),
    held('convTransposed1d', [1, 3, 2], [2, 1, 4], { stride: 3, groups: 2 }), // places that no tap reaches
    held('convTransposed1d', [1, 3, 1], [3, 1, 1], { stride: 2, dilation: 3 }),
    held('convTransposed1d', [1, 4, 2], [3, 2, 1], { dilation: 2, padding: 2 }),
    held('convTransposed2d', [1, 2, 3, 2], [3, 2, 2, 2], { stride: [2, 1], padding: [1, 0] }),
    held('convTransposed2d', [1, 2, 2, 4], [2, 2, 1, 4], { stride: 2, groups: 4 }),
  ])
})

test('the gradient of a strided convolution reads each tap once: it has no guards and no scatter', () => {
  const program = held('conv2d', [1, 6, 6, 2], [3, 3, 2, 3], { stride: 2, padding: 1 })
  const folds = program.nodes.filter((n) => n.kind === 'fold')
  assert.ok(folds.every((n) => n.guards.length === 0))
  // x in 2 by 2 phases, each with 2 by 2 turns of the taps
  assert.ok(folds.some((n) => String(n.shape) === '1,4,2,4,2,2' && String(n.box) === '2,2,3'))
})

test('what does not fit is said', () => {
  const build = (options: ConvolveTransposedOptions, of: keyof typeof OF = 'conv1d') =>
    traceProgram(
      { state: { x: { dtype: 'f32', shape: [1, 5, 4] }, w: { dtype: 'f32', shape: [3, 4, 6] } } },
      ({ x, w }) => ({ outputs: { y: OF[of](x, w, options) } }),
    )
  assert.throws(() => build({ groups: 2 }), /4 channels and weight \[3, 4, 6\] in 2 groups/)
  assert.throws(() => build({ stride: 0 }), /stride 0; it must be an integer of at least 1/)
  assert.throws(() => build({ padding: [1, 1] }), /padding \[1, 1\]/)
  assert.throws(() => build({ dilation: 3 }), /does not fit/)
  assert.throws(() => build({ extra: 1 }, 'convTransposed1d'), /less than the stride/)
  assert.throws(() => build({ padding: 4 }, 'convTransposed1d'), /pad less/)
})
