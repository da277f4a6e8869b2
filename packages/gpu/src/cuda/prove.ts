import {
  applyInstruction,
  type Dtype,
  INSTRUCTIONS,
  type MapNode,
  type NamedType,
  type Program,
  type Register,
  scalarCases,
  type Tensor,
  VECTOR_OPCODES,
} from '@lockstep/tensor'
import type { CudaExecutor } from './device-executor.ts'

const CASES = 512
const WORD: { readonly [R in Register]: Dtype } = { f: 'f32', u: 'u32' }

/**
 * Proves that a device computes as the machine says: every instruction on edges, hard roundings and random operands,
 * all in one program. Fails with the first case that differs, so that such a device is refused.
 */
export const proveDevice = async (executor: CudaExecutor): Promise<void> => {
  const inputs: NamedType[] = []
  const tensors: Tensor[] = []
  const nodes: MapNode[] = []
  const proved = VECTOR_OPCODES.filter((op) => op !== 'const_f' && op !== 'const_u')
  for (const op of proved) {
    const cases = scalarCases(op, 7, CASES)
    const { takes, gives } = INSTRUCTIONS[op]
    const registers = [...takes].map((r): Register => (r === 'x' ? 'u' : (r as Register)))
    const reads = registers.map((register, a) => {
      const data = new Uint8Array(Uint32Array.from(cases, (c) => [c.a, c.b, c.c][a]!).buffer)
      const dtype = WORD[register]
      tensors.push({ dtype, shape: [CASES], data })
      const index = inputs.push({ name: `${op}${a}`, dtype, shape: [CASES] }) - 1
      return {
        ref: { from: 'input' as const, index },
        dtype,
        view: [CASES],
        coords: [{ base: 0, terms: [{ at: 0, by: 1 }] }],
      }
    })
    nodes.push({
      kind: 'map',
      dtype: WORD[gives === 'x' ? 'u' : gives],
      shape: [CASES],
      reads,
      program: {
        args: registers,
        code: [{ op, args: registers.map((_, i) => i) }],
        result: registers.length,
      },
    })
  }
  const outputs = nodes.map((_, index) => ({ name: `y${index}`, ref: { from: 'node' as const, index } }))
  const program: Program = { state: [], inputs, nodes, next: [], outputs }
  const runner = await executor.compile(program, tensors)
  try {
    await runner.step()
    const results = runner.outputs()
    proved.forEach((op, n) => {
      const got = new Uint32Array(results[n]!.data.slice().buffer)
      scalarCases(op, 7, CASES).forEach(({ a, b, c }, i) => {
        const expected = applyInstruction(op, a, b, c)
        if (got[i] === expected) return
        const hex = (x: number): string => (x >>> 0).toString(16).padStart(8, '0')
        throw new Error(
          `${executor.name} is refused: ${op} of ${[a, b, c].map(hex).join(', ')} is ${hex(got[i]!)}, not ${hex(expected)}`,
        )
      })
    })
  } finally {
    runner.close()
  }
}
