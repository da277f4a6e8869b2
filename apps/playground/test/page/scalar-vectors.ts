import {
  type Dtype,
  INSTRUCTIONS,
  type Instruction,
  type Program,
  type Register,
  type Tensor,
  type TestedOpcode,
} from '@lockstep/tensor'

/** One instruction over the records of its committed file: vectors/README.md. */
export type VectorProgram = {
  readonly program: Program
  readonly inputs: readonly Tensor[]
  readonly expected: Uint32Array
}

const DTYPE: { readonly [R in Register]: Dtype } = { f: 'f32', u: 'u32' }
const RECORD = 16

/** A map over all records; for a constant one map a record, the first few; for select the words as integers. */
export const vectorProgram = (op: TestedOpcode, file: Uint8Array): VectorProgram[] => {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const count = file.length / RECORD
  const column = (k: number): Uint32Array<ArrayBuffer> =>
    Uint32Array.from({ length: count }, (_, i) => view.getUint32(i * RECORD + 4 * k))
  const { takes, gives } = INSTRUCTIONS[op]
  const of = (register: string): Register => (register === 'x' ? 'u' : (register as Register))
  const result = DTYPE[of(gives)]
  if (op === 'const_f' || op === 'const_u')
    return [0, 1, 2].map((i) => ({
      program: mapOver([], { op, immediate: view.getUint32(i * RECORD) }, result, 1),
      inputs: [],
      expected: column(3).slice(i, i + 1),
    }))
  const registers = [...takes].map(of)
  const instruction: Instruction = { op, args: registers.map((_, i) => i) }
  const inputs = registers.map((r, k) => ({
    ...{ dtype: DTYPE[r], shape: [count] },
    data: new Uint8Array(column(k).buffer),
  }))
  return [{ program: mapOver(registers, instruction, result, count), inputs, expected: column(3) }]
}

const mapOver = (
  registers: readonly Register[],
  instruction: Instruction,
  dtype: Dtype,
  count: number,
): Program => ({
  state: [],
  inputs: registers.map((r, k) => ({ name: `x${k}`, dtype: DTYPE[r], shape: [count] })),
  nodes: [
    {
      kind: 'map',
      dtype,
      shape: [count],
      reads: registers.map((r, index) => ({
        ref: { from: 'input', index },
        dtype: DTYPE[r],
        view: [count],
        coords: [{ base: 0, terms: [{ at: 0, by: 1 }] }],
      })),
      program: { args: registers, code: [instruction], result: registers.length },
    },
  ],
  next: [],
  outputs: [{ name: 'y', ref: { from: 'node', index: 0 } }],
})
