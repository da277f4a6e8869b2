import { decodeSafetensors, encodeSafetensors, f32Tensor, f32Values } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'
import { AssistError } from '../assist-error.ts'
import type { Suggester } from '../assistant/suggester.ts'
import { TEXT_SYMBOLS } from '../environment/text.ts'
import type { Memory } from '../memory/memory.ts'
import { decodePublicCounts, encodePublicCounts } from '../memory/public-counts.ts'
import { expertsOf, type PublicTexts, SELECTIONS, textMemory } from '../memory/text-memory.ts'

import { type AssistModel, programsOf, TEXT_MODEL } from './assist-model.ts'
import { openSuggester } from './open-suggester.ts'

/** The base for text: a network, the public texts that its memory stands on, and what both were made from. */
export type TextBase = {
  readonly model: AssistModel
  readonly parameters: readonly Tensor[] // f32, in the order of `programsOf(model).parameters`
  /** Of the kinds of `KINDS`. */
  readonly texts: readonly PublicTexts[]
  /** `package:NAME@VERSION`, `address:YEAR`, `moby-dick:FROM-TO` (parts of the book). */
  readonly sources: readonly string[]
}

const FORMAT = 'lockstep-assist-base-2'
/** Kinds of public texts, in the order in which a base has them. */
const KINDS = ['prose', 'code'] as const
/** No weight of an expert is more, either way. */
const MOST_WEIGHT = 8
const WEIGHTS: readonly number[] = [SELECTIONS, expertsOf(KINDS.length)]

/** A base as a file: safetensors with the network in bf16, rounded to the nearest, and the counts as bytes. */
export const writeTextBase = ({ model, parameters, texts, sources }: TextBase): Uint8Array<ArrayBuffer> => {
  const tensors = programsOf(model).parameters.map(({ name }, i) => [name, narrowed(parameters[i]!)] as const)
  const publicly = texts.flatMap(({ counts, weights }, k): [string, Tensor][] => {
    const bytes = encodePublicCounts(counts)
    return [
      [`counts.${KINDS[k]!}`, { dtype: 'u8', shape: [bytes.length], data: bytes }],
      [`weights.${KINDS[k]!}`, f32Tensor(WEIGHTS, Float32Array.from(weights!))],
    ]
  })
  return encodeSafetensors(
    new Map<string, Tensor>([...tensors, ...publicly]),
    new Map([
      ['format', FORMAT],
      ['sources', sources.join(',')],
    ]),
  )
}

/** Reads what `writeTextBase` writes. Bytes that are something else throw AssistError `base-malformed` or what safetensors has to say. */
export const readTextBase = (file: Uint8Array): TextBase => {
  const { tensors, metadata } = decodeSafetensors(file)
  const format = metadata.get('format')
  if (format !== FORMAT) throw malformed('format', format ?? 'absent', FORMAT)
  const parameters = programsOf(TEXT_MODEL).parameters.map(({ name, shape }) => {
    const tensor = tensors.get(name)
    const found = tensor ? `${tensor.dtype} [${tensor.shape}]` : 'absent'
    if (!tensor || found !== `bf16 [${shape}]`) throw malformed(name, found, `bf16 [${shape}]`)
    return widened(tensor)
  })
  const texts = KINDS.map((kind): PublicTexts => {
    const [counts, weights] = [tensors.get(`counts.${kind}`), tensors.get(`weights.${kind}`)]
    if (counts?.dtype !== 'u8') throw malformed(`counts.${kind}`, counts?.dtype ?? 'absent', 'u8')
    const found = weights ? `${weights.dtype} [${weights.shape}]` : 'absent'
    if (!weights || found !== `f32 [${WEIGHTS}]`)
      throw malformed(`weights.${kind}`, found, `f32 [${WEIGHTS}]`)
    const numbers = Float64Array.from(f32Values(weights))
    if (!numbers.every((weight) => Math.abs(weight) <= MOST_WEIGHT))
      throw malformed(`weights.${kind}`, 'a number beyond its bounds', `-${MOST_WEIGHT} to ${MOST_WEIGHT}`)
    return { counts: decodePublicCounts(counts.data, TEXT_SYMBOLS), weights: numbers }
  })
  return {
    ...{ model: TEXT_MODEL, parameters, texts },
    sources: metadata.get('sources')?.split(',') ?? [],
  }
}

/** The memory that stands on a base's public texts, empty. */
export const baseMemory = ({ texts }: TextBase): Memory => textMemory(TEXT_SYMBOLS, texts)

/** The text base beside a memory of a person's own writing. `breathe`: see `SuggesterOptions`. */
export const openTextSuggester = ({
  executor,
  base,
  breathe,
}: {
  readonly executor: Executor
  readonly base: TextBase
  readonly breathe?: () => Promise<void>
}): Promise<Suggester> => {
  const { model, parameters } = base
  return openSuggester({
    executor,
    model,
    parameters,
    memory: () => baseMemory(base),
    ...(breathe && { breathe }),
  })
}

const narrowed = ({ shape, data }: Tensor): Tensor => {
  const words = new Uint32Array(new Uint8Array(data).buffer)
  const half = Uint16Array.from(words, (w) => (w + 0x7fff + ((w >>> 16) & 1)) >>> 16)
  return { dtype: 'bf16', shape, data: new Uint8Array(half.buffer) }
}

/** bf16 is the upper half of f32. */
const widened = ({ shape, data }: Tensor): Tensor => {
  const words = Uint32Array.from(new Uint16Array(new Uint8Array(data).buffer), (half) => half << 16)
  return f32Tensor(shape, new Float32Array(words.buffer))
}

const malformed = (field: string, value: string, limit: string): AssistError =>
  new AssistError('base-malformed', field, value, limit, 'Make the file again: npm run assist:base.')
