import type { Dtype, Register } from '../dtype.ts'
import type { Executor } from '../executor.ts'
import type { Program, Tensor } from '../program.ts'
import { referenceExecutor } from '../reference.ts'
import type { ScalarExecutor } from '../scalar/conformance.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'
import { registerOf } from '../scalar/trace.ts'
import type { RandomProgram } from './random-program.ts'

/** An executor of whole programs as one of scalar programs: a map over as many elements as there are cases. */
export const scalarExecutorOver = (executor: Executor): ScalarExecutor => ({
  name: executor.name,
  run: async (program, batch, count) => {
    const arity = program.args.length
    const inputs = program.args.map((register, a): Tensor => {
      const column = Uint32Array.from({ length: count }, (_, i) => batch[i * arity + a]!)
      return { dtype: WORD[register], shape: [count], data: new Uint8Array(column.buffer) }
    })
    const runner = await executor.compile(mapOver(program, count), inputs)
    try {
      runner.load([])
      await runner.step()
      return new Uint32Array(runner.outputs()[0]!.data.slice().buffer)
    } finally {
      runner.close()
    }
  },
})

const WORD: { readonly [R in Register]: Dtype } = { f: 'f32', u: 'u32' }

const mapOver = (program: ScalarProgram, count: number): Program => {
  const inputs = program.args.map((register, a) => ({ name: `x${a}`, dtype: WORD[register], shape: [count] }))
  const coords = [{ base: 0, terms: [{ at: 0, by: 1 }] }]
  const reads = inputs.map(({ dtype }, index) => ({
    ref: { from: 'input' as const, index },
    dtype,
    view: [count],
    coords,
  }))
  const dtype = WORD[registerOf(program, program.result)]
  return {
    state: [],
    inputs,
    nodes: [{ kind: 'map', dtype, shape: [count], reads, program }],
    next: [],
    outputs: [{ name: 'y', ref: { from: 'node', index: 0 } }],
  }
}

/** Where an executor's bytes first differ from the reference's; undefined where they do not. */
export const firstDifference = async (
  executor: Executor,
  { program, state, inputs }: RandomProgram,
): Promise<string | undefined> => {
  const expected = await referenceExecutor.compile(program, inputs)
  const runner = await executor.compile(program, inputs)
  try {
    expected.load(state)
    runner.load(state)
    const nodes = differing(await runner.trace(), await expected.trace(), 'node')
    if (nodes) return nodes
    runner.load(state)
    await runner.step()
    return (
      differing(runner.state(), expected.state(), 'state') ??
      differing(runner.outputs(), expected.outputs(), 'output')
    )
  } finally {
    runner.close()
    expected.close()
  }
}

const differing = (got: readonly Tensor[], expected: readonly Tensor[], what: string): string | undefined => {
  for (const [i, { data }] of expected.entries()) {
    const at = data.findIndex((byte, k) => got[i]?.data[k] !== byte)
    if (at >= 0 || got[i]?.data.length !== data.length) return `${what} ${i}, byte ${at}`
  }
  return undefined
}
