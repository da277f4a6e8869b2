import { wordOf } from '@lockstep/models'
import type { ExecutorModuleOptions } from '@lockstep/node'
import { createWasmExecutor, type Executor, type Program, type Runner, type Tensor } from '@lockstep/tensor'

/**
 * An executor that tells one lie, for a node whose owner wants to be paid for less than honest work: in one step of
 * every program that counts its steps, one bit of the first number of one state tensor is flipped. It tells the same
 * lie whenever it is asked, in runs, in self-audits and in disputes.
 *
 *   lockstep node run --executor-module examples/liar-executor.ts --executor-options '{"step": 3}'
 */
export const createExecutor = async (options: ExecutorModuleOptions): Promise<Executor> => {
  const { threads, relaxed, memory, step = 3, bit = 20 } = options
  const honest = await createWasmExecutor({ threads, relaxed, memory })
  return {
    name: `liar ${honest.name}`,
    compile: async (program, inputs) =>
      lying(program, await honest.compile(program, inputs), Number(step), Number(bit)),
    close: () => honest.close(),
  }
}

const lying = (program: Program, honest: Runner, lie: number, bit: number): Runner => {
  const counter = program.state.findIndex(({ name }) => name === 'step')
  const target = program.state.findIndex(
    ({ dtype }, i) => dtype === 'f32' && program.next[i]!.from === 'node' && i !== counter,
  )
  if (counter < 0 || target < 0) return honest
  let steps = 0
  let outputs: Tensor[] = []
  const flipped = (tensors: readonly Tensor[], index: number): Tensor[] =>
    tensors.map((tensor, i) => (i === index ? withFlippedBit(tensor, bit) : tensor))
  const isLie = (): boolean => steps % STEPS_BETWEEN_LIES === lie
  return {
    load: (state) => {
      honest.load(state)
      steps = wordOf(state[counter]!)
      outputs = []
    },
    give: (inputs) => honest.give(inputs),
    step: async (count = 1) => {
      for (let i = 0; i < count; i++) {
        await honest.step()
        outputs = honest.outputs()
        if (isLie()) honest.load(flipped(honest.state(), target))
        steps++
      }
    },
    trace: async () => {
      const nodes = await honest.trace()
      outputs = honest.outputs()
      const told = isLie() ? flipped(nodes, program.next[target]!.index) : nodes
      if (isLie()) honest.load(flipped(honest.state(), target))
      steps++
      return told
    },
    state: () => honest.state(),
    outputs: () => outputs,
    close: () => honest.close(),
  }
}

/** However many rounds a job has, whoever runs one of its longer slices meets a step to lie in. */
const STEPS_BETWEEN_LIES = 8

const withFlippedBit = (tensor: Tensor, bit: number): Tensor => {
  const data = Uint8Array.from(tensor.data)
  data[bit >> 3]! ^= 1 << (bit & 7)
  return { ...tensor, data }
}
