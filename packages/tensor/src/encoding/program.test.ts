import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describeFault, unwrap } from '../fault.ts'
import type { Node } from '../node.ts'
import type { Program } from '../program.ts'
import { traceScalar } from '../scalar/trace.ts'
import { validateProgram } from '../validate.ts'
import { decodeProgram, encodeProgram } from './program.ts'

const at = (index: number, by = 1) => ({ base: 0, terms: [{ at: index, by }] })
const add = traceScalar(['f', 'f'], (a, b) => a.add(b))

/** One node of each kind, with every feature of the encoding somewhere. */
const everything: Program = {
  state: [
    { name: 'weights', dtype: 'f32', shape: [4, 3] },
    { name: 'step', dtype: 'u32', shape: [] },
  ],
  inputs: [{ name: 'tokens', dtype: 'u8', shape: [5] }],
  nodes: [
    {
      kind: 'map',
      dtype: 'bf16',
      shape: [5, 3],
      reads: [
        {
          ref: { from: 'state', index: 0 },
          dtype: 'f32',
          view: [4, 3],
          coords: [
            { word: { ref: { from: 'input', index: 0 }, dtype: 'u8', view: [5], coords: [at(0)] } },
            at(1),
          ],
        },
        {
          ref: { from: 'state', index: 0 },
          dtype: 'f32',
          view: [12],
          coords: [{ base: -1, terms: [{ at: 0, by: 3 }] }],
          pad: 7,
        },
      ],
      program: add,
    },
    {
      kind: 'fold',
      dtype: 'f32',
      shape: [3],
      box: [5],
      reads: [{ ref: { from: 'node', index: 0 }, dtype: 'bf16', view: [5, 3], coords: [at(1), at(0)] }],
      guards: [
        {
          test: 'lt',
          left: at(1),
          right: {
            word: {
              ref: { from: 'state', index: 1 },
              dtype: 'u32',
              view: [1],
              coords: [{ base: 0, terms: [] }],
            },
          },
        },
        { test: 'eq', left: at(0), right: at(1) },
      ],
      step: add,
      order: { kind: 'blocked', init: 0x80000000, combine: add },
    },
    {
      kind: 'fold',
      dtype: 'f32',
      shape: [3, 4],
      box: [4],
      reads: [{ ref: { from: 'state', index: 0 }, dtype: 'f32', view: [4, 3], coords: [at(1), at(0)] }],
      guards: [],
      step: add,
      order: {
        kind: 'scan',
        init: { ref: { from: 'node', index: 1 }, dtype: 'f32', view: [3], coords: [at(0)] },
      },
    },
  ],
  next: [
    { from: 'state', index: 0 },
    { from: 'state', index: 1 },
  ],
  outputs: [{ name: 'sums', ref: { from: 'node', index: 2 } }],
}

test('a program survives encoding', () => {
  assert.deepEqual(unwrap(decodeProgram(encodeProgram(unwrap(validateProgram(everything))))), everything)
})

test('every truncation and every trailing byte is a fault', () => {
  const bytes = encodeProgram(everything)
  for (let n = 0; n < bytes.length; n++)
    assert.equal(decodeProgram(bytes.subarray(0, n)).ok, false, `length ${n}`)
  assert.equal(decodeProgram(new Uint8Array([...bytes, 0])).ok, false)
})

test('a damaged program is a fault or another program that encodes to the damaged bytes; it never throws', () => {
  const bytes = encodeProgram(everything)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (i, flip) => {
      const damaged = bytes.slice()
      damaged[i]! ^= flip
      const decoded = decodeProgram(damaged)
      if (!decoded.ok) return
      assert.deepEqual(encodeProgram(decoded.value), damaged)
      validateProgram(decoded.value)
    }),
    { numRuns: 3000 },
  )
})

const replaced = (index: number, change: object): Program => ({
  ...everything,
  nodes: everything.nodes.map((node, i) => (i === index ? ({ ...node, ...change } as Node) : node)),
})
const fold = everything.nodes[1]!
const gathered = everything.nodes[0]!.reads[0]!

const rejections: readonly [string, Program, RegExp][] = [
  [
    'an init that is another NaN',
    replaced(1, { order: { kind: 'chain', init: 0xffc00000 } }),
    /init is 0xffc00000/,
  ],
  [
    'a node that reads itself',
    replaced(1, { reads: [{ ...fold.reads[0]!, ref: { from: 'node', index: 1 } }] }),
    /nodes\[1\]\.reads\[0\]\.ref/,
  ],
  [
    'an address out of bounds',
    replaced(1, { box: [6] }),
    /nodes\[1\]\.reads\[0\]\.coords\[0\] is 0 to 5; allowed: 0 to 4/,
  ],
  [
    'a wrong dtype',
    replaced(1, { reads: [{ ...fold.reads[0]!, dtype: 'f32' }] }),
    /dtype is f32; allowed: bf16/,
  ],
  [
    'a view of another size',
    replaced(1, { reads: [{ ...fold.reads[0]!, view: [5, 4] }] }),
    /view is \[5,4\]; allowed: 15 elements/,
  ],
  [
    'an unsorted affine form',
    replaced(1, {
      reads: [
        {
          ...fold.reads[0]!,
          coords: [
            {
              base: 0,
              terms: [
                { at: 1, by: 1 },
                { at: 0, by: 1 },
              ],
            },
            at(0),
          ],
        },
      ],
    }),
    /ascending/,
  ],
  [
    'two word coordinates',
    replaced(0, {
      reads: [
        { ...gathered, coords: [gathered.coords[0], gathered.coords[0]] },
        everything.nodes[0]!.reads[1],
      ],
    }),
    /word coordinates is 2/,
  ],
  [
    'a scalar program with the wrong arguments',
    replaced(0, { program: traceScalar(['f'], (a) => a) }),
    /program\.args is f; allowed: ff/,
  ],
  [
    'a result in the wrong register',
    replaced(0, { program: traceScalar(['f', 'f'], (a) => a.bits()) }),
    /program\.result is u; allowed: f/,
  ],
  [
    'a coordinate that does not exist',
    replaced(0, {
      program: {
        args: ['f', 'f'],
        code: [
          { op: 'index', immediate: 2 },
          { op: 'u2f', args: [2] },
        ],
        result: 3,
      },
    }),
    /below 2/,
  ],
  [
    'a tensor too large',
    { ...everything, inputs: [{ name: 'tokens', dtype: 'u8', shape: [65536, 65536] }] },
    /at most 2147483647/,
  ],
  ['too many reads', replaced(1, { reads: Array(9).fill(fold.reads[0]) }), /reads is 9; allowed: at most 8/],
  [
    'a next state of another shape',
    {
      ...everything,
      next: [
        { from: 'node', index: 1 },
        { from: 'state', index: 1 },
      ],
    },
    /next\[0\]\.shape/,
  ],
  [
    'a name twice',
    { ...everything, state: [everything.state[0]!, { ...everything.state[1]!, name: 'weights' }] },
    /state\[1\]\.name/,
  ],
]

for (const [what, program, message] of rejections) {
  test(`validation rejects ${what}`, () => {
    const result = validateProgram(program)
    assert.equal(result.ok, false)
    if (!result.ok) assert.match(describeFault(result.fault), message)
  })
}
