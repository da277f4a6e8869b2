import type { Training } from '@lockstep/client/plan'
import {
  evaluateProgram,
  evaluationSteps,
  f32Tensor,
  f32Values,
  trainedParameters,
  wordTensor,
} from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'

/** Tokens that are enough for a steady figure; more would only take longer. */
const TOKENS = 32_768

/**
 * Mean nats per byte of text that was not trained on: its first 32,768 tokens or all it has. `state` is a training
 * program's.
 */
export const heldOutLoss = async (
  { model, train, tokenizer, heldOut }: Training,
  executor: Executor,
  state: readonly Tensor[],
): Promise<number> => {
  const tokens = Math.min(heldOut.shape[0]!, TOKENS + 1)
  const { context } = model.config
  const batch = Math.max(1, Math.min(train.batch, Math.floor((tokens - 1) / context)))
  const width = heldOut.data.length / heldOut.shape[0]!
  const corpus: Tensor = { ...heldOut, shape: [tokens], data: heldOut.data.slice(0, tokens * width) }
  const type = { tokens, dtype: heldOut.dtype as 'u8' | 'u32' }
  const steps = evaluationSteps(model.config, batch, type)
  const parameters = trainedParameters(model, train, state)
  const runner = await executor.compile(evaluateProgram(model, batch, type), [...parameters, corpus])
  try {
    runner.load([wordTensor(0), f32Tensor([1], Float32Array.of(0))])
    await runner.step(steps)
    const [, mean] = runner.outputs()
    return f32Values(mean!)[0]! * tokensPerByte(corpus, tokenizer)
  } finally {
    runner.close()
  }
}

const tokensPerByte = (corpus: Tensor, tokenizer: Training['tokenizer']): number => {
  if (corpus.dtype === 'u8') return 1
  const ids = new Uint32Array(corpus.data.slice().buffer)
  return ids.length / tokenizer.decode(ids).length
}
