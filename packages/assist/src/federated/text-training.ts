import type { Executor } from '@lockstep/tensor'
import { baseMemory, type TextBase } from '../model/text-base.ts'
import { assistTraining } from './assist-training.ts'
import type { PreparedTraining } from './training.ts'

/** As many as an assistant takes for an update of its own. */
const STEPS = 40

/**
 * What everybody in rounds of the text base runs. The public counts of the base are part of it: whoever has another
 * base file makes other inputs of the same episodes, so that what they share is not what comes out when it is run again.
 */
export const textTraining = (executor: Executor, base: TextBase): PreparedTraining =>
  assistTraining({
    ...{ executor, environment: 'text', model: base.model, memory: () => baseMemory(base) },
    ...{ steps: STEPS, seed: 1 },
  })
