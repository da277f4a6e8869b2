import { createWasmExecutor, type Executor, type Program } from '@lockstep/tensor'
import type { ExecutorModuleOptions } from '../src/run/index.ts'

/**
 * An executor for a provider that throws its own game: it computes everything right, and says something else of a node
 * that it is asked about in a dispute. So a true claim falls, and whoever has matched it is suspect.
 */
export const createExecutor = async ({
  threads,
  relaxed,
  memory,
}: ExecutorModuleOptions): Promise<Executor> => {
  const honest = await createWasmExecutor({ threads, relaxed, memory })
  return {
    name: `thrower ${honest.name}`,
    compile: async (program, inputs) => {
      const runner = await honest.compile(program, inputs)
      const thrown = inward(program)
      return {
        load: (state) => runner.load(state),
        give: (inputs) => runner.give(inputs),
        step: (count) => runner.step(count),
        state: () => runner.state(),
        outputs: () => runner.outputs(),
        close: () => runner.close(),
        trace: async () => {
          const nodes = await runner.trace()
          return nodes.map((node, i) => {
            if (i !== thrown) return node
            const data = Uint8Array.from(node.data)
            data[0]! ^= 1
            return { ...node, data }
          })
        },
      }
    },
    close: () => honest.close(),
  }
}

/** The first map that is no part of what a step ends with: the step's item stays true whatever is said of it. */
const inward = ({ nodes, next, outputs }: Program): number => {
  const ends = new Set(
    [...next, ...outputs.map(({ ref }) => ref)].flatMap(({ from, index }) =>
      from === 'node' ? [index] : [],
    ),
  )
  return nodes.findIndex(({ kind }, i) => kind === 'map' && !ends.has(i))
}
