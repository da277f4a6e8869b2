import { stat } from 'node:fs/promises'
import { loadModel, sampleText } from '@lockstep/models'
import type { Executor } from '@lockstep/tensor'
import { badInput, from } from '../cli-error.ts'
import { readBounded } from '../run/bounded-file.ts'
import { layoutOf } from '../run/layout.ts'
import type { Terminal } from '../terminal.ts'

export type SampleOptions = {
  readonly prompt: string
  readonly tokens: number
  readonly temperature: number
  readonly top: number
  readonly seed: number
}

const MAX_MODEL_BYTES = 2 ** 33
const REMEDY = 'Name a model.safetensors that `lockstep train` wrote, or its run directory.'

/** Text from a trained model: the same text from the same seed, on every machine. */
export const sampleCommand = async (
  path: string,
  options: SampleOptions,
  executor: Executor,
  terminal: Terminal,
): Promise<void> => {
  const found = await stat(path).catch((error) => {
    throw Object.assign(error, { path })
  })
  const file = found.isDirectory() ? layoutOf(path).model : path
  const content = await readBounded(file, MAX_MODEL_BYTES, REMEDY).catch((error) => {
    if (error.code !== 'ENOENT') throw error
    throw badInput('model-missing', file, 'missing', 'a finished run', 'Finish it with `lockstep train RUN`.')
  })
  const model = from(file, REMEDY, () => loadModel(content))
  const text = await sampleText(model, executor, options)
  terminal.say(text)
  terminal.result({ model: file, ...options, text })
}
