import { wordOf } from '@lockstep/models'
import type { Executor, Program } from '@lockstep/tensor'

/**
 * An executor that tells one lie: what it should run as `truth` it runs as `lie` in one step. The step is counted by
 * the state tensor of that name, so that it is the same one wherever a run is continued from. Programs other than
 * `lie` it runs as they are.
 */
export const faultyExecutor = (honest: Executor, truth: Program, lie: Program, step: number): Executor => ({
  name: `faulty ${honest.name}`,
  compile: async (program, inputs) => {
    if (program !== lie) return honest.compile(program, inputs)
    const [right, wrong] = [await honest.compile(truth, inputs), await honest.compile(lie, inputs)]
    const counter = truth.state.findIndex(({ name }) => name === 'step')
    let [at, current] = [0, right]
    /** The machine for the next step, standing where the last one ended. */
    const next = () => {
      const chosen = at === step ? wrong : right
      if (chosen !== current) chosen.load(current.state())
      current = chosen
      at++
      return current
    }
    return {
      load: (state) => {
        current = right
        right.load(state)
        at = wordOf(state[counter]!)
      },
      give: (inputs) => {
        right.give(inputs)
        wrong.give(inputs)
      },
      step: async (count = 1) => {
        for (let i = 0; i < count; i++) await next().step()
      },
      trace: () => next().trace(),
      state: () => current.state(),
      outputs: () => current.outputs(),
      close: () => {
        right.close()
        wrong.close()
      },
    }
  },
  close: () => honest.close(),
})
