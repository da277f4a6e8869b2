import type { NamedType, Program, Tensor } from '@lockstep/tensor'

/**
 * A state whose tensors are a power of two in number. The tree over the tensors of several such states has the states'
 * roots as digests, so that a contract which knows only the roots can compute the root of a merge's inputs.
 * What is added are single zero bytes that no step changes.
 */
export const padState = (program: Program): Program => {
  const pads = padTypes(program.state.length)
  const next = pads.map((_, i) => ({ from: 'state', index: program.state.length + i }) as const)
  return { ...program, state: [...program.state, ...pads], next: [...program.next, ...next] }
}

/** The same for the tensors of a state. */
export const padTensors = (state: readonly Tensor[]): Tensor[] => [
  ...state,
  ...padTypes(state.length).map(({ dtype, shape }): Tensor => ({ dtype, shape, data: new Uint8Array(1) })),
]

const padTypes = (count: number): NamedType[] => {
  const whole = 2 ** powerAtLeast(count)
  return Array.from({ length: whole - count }, (_, i) => ({ name: `pad.${i}`, dtype: 'u8', shape: [1] }))
}

/** The least p with 2^p >= count. */
const powerAtLeast = (count: number): number => (count <= 1 ? 0 : 32 - Math.clz32(count - 1))
