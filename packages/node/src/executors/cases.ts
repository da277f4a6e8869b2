import {
  type Dtype,
  INSTRUCTIONS,
  type MapNode,
  type NamedType,
  type RandomProgram,
  type Register,
  randomContraction,
  randomNetwork,
  randomProgram,
  scalarCases,
  type Tensor,
  VECTOR_OPCODES,
} from '@lockstep/tensor'

/** A program that an executor is proven on. */
export type ConformanceCase = RandomProgram & { readonly name: string }

const OPERANDS = 256
const WORD: { readonly [R in Register]: Dtype } = { f: 'f32', u: 'u32' }

/** What an executor must compute before it is used: every instruction, products, networks and programs of all kinds. */
export const conformanceCases = function* (): Generator<ConformanceCase> {
  yield { name: 'instructions', ...instructions() }
  for (const [name, make, count] of [
    ['program', randomProgram, 8],
    ['product', randomContraction, 5],
    ['network', randomNetwork, 1],
  ] as const)
    for (let seed = 1; seed <= count; seed++) yield { name: `${name} ${seed}`, ...make(seed) }
}

/** Every instruction on edges, hard roundings and random operands, a node each. */
const instructions = (): RandomProgram => {
  const types: NamedType[] = []
  const inputs: Tensor[] = []
  const nodes: MapNode[] = []
  for (const op of VECTOR_OPCODES) {
    if (op === 'const_f' || op === 'const_u') continue
    const cases = scalarCases(op, 3, OPERANDS)
    const { takes, gives } = INSTRUCTIONS[op]
    const registers = [...takes].map((r): Register => (r === 'x' ? 'u' : (r as Register)))
    const reads = registers.map((register, a) => {
      const data = new Uint8Array(Uint32Array.from(cases, (c) => [c.a, c.b, c.c][a]!).buffer)
      const type = { dtype: WORD[register], shape: [OPERANDS] }
      inputs.push({ ...type, data })
      const index = types.push({ name: `${op}${a}`, ...type }) - 1
      const coords = [{ base: 0, terms: [{ at: 0, by: 1 }] }]
      return { ref: { from: 'input' as const, index }, dtype: type.dtype, view: [OPERANDS], coords }
    })
    const program = {
      args: registers,
      code: [{ op, args: registers.map((_, i) => i) }],
      result: registers.length,
    }
    const dtype = WORD[gives === 'x' ? 'u' : gives]
    nodes.push({ kind: 'map', dtype, shape: [OPERANDS], reads, program })
  }
  const outputs = nodes.map((_, index) => ({ name: `y${index}`, ref: { from: 'node' as const, index } }))
  return { program: { state: [], inputs: types, nodes, next: [], outputs }, state: [], inputs }
}
