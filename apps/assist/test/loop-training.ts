import { DOCUMENT_END, TEXT_SYMBOLS } from '@lockstep/assist'
import { episodeTraining, type PreparedTraining } from '@lockstep/assist/federated'
import { DEFAULT_TRAIN, initialParameters, type LanguageModel } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'

const MODEL: LanguageModel = {
  kind: 'gpt',
  config: { vocab: TEXT_SYMBOLS, context: 24, width: 24, layers: 1, heads: 2, dropout: 0 },
}

/** What the pages and the node of the test learn with: the network of an assistant, small enough for a test. */
export const loopTraining = (executor: Executor): PreparedTraining =>
  episodeTraining({
    ...{ executor, environment: 'text', model: MODEL, symbols: 512, between: DOCUMENT_END, seed: 7 },
    train: { ...DEFAULT_TRAIN, batch: 8, steps: 60, warmup: 6, rate: 1e-2, decay: 0 },
  })

export const loopBase = (): Tensor[] => initialParameters(MODEL, 1)
