import { type AssistModel, programsOf, TEXT_SYMBOLS, textMemory } from '@lockstep/assist'
import { assistTraining, type PreparedTraining } from '@lockstep/assist/federated'
import type { Executor, Tensor } from '@lockstep/tensor'

/** What the pages and the node of the test learn with: an assistant's network beside its memory, small enough for a test. */
export const LOOP_MODEL: AssistModel = {
  network: {
    kind: 'gpt',
    config: { vocab: TEXT_SYMBOLS, context: 96, width: 16, layers: 1, heads: 2, dropout: 0 },
  },
  features: 4,
  rate: 1e-2,
}
export const loopMemory = () => textMemory(TEXT_SYMBOLS)

export const loopTraining = (executor: Executor): PreparedTraining =>
  assistTraining({
    ...{ executor, environment: 'text', model: LOOP_MODEL, memory: loopMemory, steps: 40, seed: 7 },
  })

/** An untrained network, which as yet says about as much as the memory beside it. */
export const loopBase = (): Tensor[] => programsOf(LOOP_MODEL).first(1)
