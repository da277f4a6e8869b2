import { wordOf } from '@lockstep/models'
import type { Executor, Program } from '@lockstep/tensor'

/**
 * An executor that runs what it is given in one step and the true program in all others. `step` is counted by the
 * state tensor of that name, so that it is the same step wherever a run is continued from.
 */
export const faultyExecutor = (honest: Executor, truth: Program, step: number): Executor => ({
  name: `faulty ${honest.name}`,
  compile: async (lie, inputs) => {
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
