import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DTYPES,
  type Dtype,
  firstDifference,
  type Grid,
  layerNorm,
  mul,
  type NamedType,
  type Program,
  Random,
  rmsNorm,
  size,
  softmax,
  storeElement,
  sum,
  type Tensor,
  traceProgram,
} from '@lockstep/tensor'
import { executorOver } from '../../src/cuda/device-executor.ts'
import { generate } from '../../src/cuda/program.ts'
import { assemble, NO_PTXAS, ptxas } from './assembler.ts'
import { interpretedDevice } from './interpreted-device.ts'

type Numbers = Grid<'f'>
const over = (
  inputs: Readonly<Record<string, { dtype: Dtype; shape: readonly number[] }>>,
  make: (...x: Numbers[]) => Record<string, Numbers>,
): Program =>
  traceProgram({ state: {}, inputs }, (_, given) => ({
    state: {},
    outputs: make(...(Object.values(given) as Numbers[])),
  }))
const row = (shape: readonly number[], dtype: Dtype = 'f32') => ({ x: { dtype, shape } })

/** Numbers of ordinary size; in some rows zeros, subnormals, infinities and NaN. */
const values = ({ dtype, shape }: Omit<NamedType, 'name'>, r: Random): Tensor => {
  const data = new Uint8Array(size(shape) * DTYPES[dtype].bytes)
  const width = shape.at(-1) ?? 1
  for (let i = 0; i < size(shape); i++)
    storeElement(
      dtype,
      data,
      i,
      Math.floor(i / width) % 3 === 1 ? r.float() : r.atExponent(r.between(118, 130)),
    )
  return { dtype, shape, data }
}

const launches = (program: Program, group?: boolean): number =>
  generate(program, 'step', 'sm_90', group === undefined ? {} : { group }).nodes.flat().length

/** So many launches, the reference's bits, and the same bits where rows are not taken together. */
const agrees = async (program: Program, expected: number): Promise<void> => {
  assert.equal(launches(program), expected)
  assert.ok(launches(program, false) > expected)
  const r = new Random(7)
  const run = {
    program,
    state: program.state.map((t) => values(t, r)),
    inputs: program.inputs.map((t) => values(t, r)),
  }
  for (const fuse of [{}, { group: false }])
    assert.equal(await firstDifference(executorOver(interpretedDevice(1 << 24), { fuse }), run), undefined)
}

for (const [name, program] of [
  ['softmax', over(row([5, 1024]), (x) => ({ y: softmax(x) }))],
  ['softmax of rows of more than one block', over(row([2, 5120]), (x) => ({ y: softmax(x) }))],
  ['softmax of an odd width', over(row([4, 301]), (x) => ({ y: softmax(x) }))],
  ['softmax of bfloat16', over(row([3, 256], 'bf16'), (x) => ({ y: softmax(x) }))],
  ['causal softmax', over(row([2, 70, 80]), (x) => ({ y: softmax(x, { causal: true }) }))],
  ['softmax and its sum', over(row([4, 128]), (x) => ({ y: softmax(x), z: sum(softmax(x), { axes: -1 }) }))],
  ['RMS norm', over(row([3, 4096]), (x) => ({ y: rmsNorm(x) }))],
  [
    'layer norm with gain and bias, of a sum',
    over(
      {
        x: { dtype: 'f32', shape: [3, 768] },
        g: { dtype: 'f32', shape: [768] },
        b: { dtype: 'f16', shape: [768] },
      },
      (x, gain, bias) => ({
        y: layerNorm(mul(x, 3), { gain, bias }),
      }),
    ),
  ],
] as [string, Program][])
  test(`${name} is one kernel and has the reference’s bits`, () => agrees(program, 1))

test('rows of a state are replaced where they lie', async () => {
  const program = traceProgram({ state: { x: { dtype: 'f32', shape: [6, 192] } }, inputs: {} }, ({ x }) => ({
    state: { x: softmax(x as Numbers) },
    outputs: {},
  }))
  await agrees(program, 1)
})

const path = ptxas()
for (const target of ['sm_75', 'sm_80', 'sm_90'] as const)
  test(`kernels over rows assemble for ${target} without spilling`, { skip: path ? false : NO_PTXAS }, () => {
    for (const make of [softmax, layerNorm] as ((x: Numbers) => Numbers)[]) {
      const { text } = generate(
        over(row([16_384, 4096]), (x) => ({ y: make(x) })),
        'step',
        target,
      )
      const said = assemble(path!, text, target)
      assert.match(said, /registers/)
      assert.doesNotMatch(said, /[1-9]\d* bytes spill/)
    }
  })
