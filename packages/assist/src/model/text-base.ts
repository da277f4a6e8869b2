import { decodeSafetensors, encodeSafetensors, f32Tensor } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'
import { AssistError } from '../assist-error.ts'
import type { Suggester } from '../assistant/suggester.ts'
import { TEXT_SYMBOLS } from '../environment/text.ts'
import { ngramMemory } from '../memory/ngram.ts'
import { decodePublicCounts, encodePublicCounts, type PublicCounts } from '../memory/public-counts.ts'
import { type AssistModel, programsOf, TEXT_MODEL } from './assist-model.ts'
import { openSuggester } from './open-suggester.ts'

/** The base for text: a network, the public counts that its memory stands on, and what both were made from. */
export type TextBase = {
  readonly model: AssistModel
  readonly parameters: readonly Tensor[] // f32, in the order of `programsOf(model).parameters`
  readonly counts: PublicCounts
  /** `package:NAME@VERSION`, `address:YEAR`, `moby-dick:FROM-TO` (parts of the book). */
  readonly sources: readonly string[]
}

const FORMAT = 'lockstep-assist-base-1'
const COUNTS = 'public.counts'

/** A base as a file: safetensors with the network in bf16, rounded to the nearest, and the counts as bytes. */
export const writeTextBase = ({ model, parameters, counts, sources }: TextBase): Uint8Array<ArrayBuffer> => {
  const bytes = encodePublicCounts(counts)
  const tensors = programsOf(model).parameters.map(({ name }, i) => [name, narrowed(parameters[i]!)] as const)
  return encodeSafetensors(
    new Map<string, Tensor>([...tensors, [COUNTS, { dtype: 'u8', shape: [bytes.length], data: bytes }]]),
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
  const bytes = tensors.get(COUNTS)
  if (bytes?.dtype !== 'u8') throw malformed(COUNTS, bytes?.dtype ?? 'absent', 'u8')
  return {
    ...{ model: TEXT_MODEL, parameters },
    counts: decodePublicCounts(bytes.data, TEXT_SYMBOLS),
    sources: metadata.get('sources')?.split(',') ?? [],
  }
}

/** The text base beside a memory of a person's own writing. `breathe`: see `SuggesterOptions`. */
export const openTextSuggester = ({
  executor,
  base: { model, parameters, counts },
  breathe,
}: {
  readonly executor: Executor
  readonly base: TextBase
  readonly breathe?: () => Promise<void>
}): Promise<Suggester> => {
  const memory = () => ngramMemory(TEXT_SYMBOLS, counts)
  return openSuggester({ executor, model, parameters, memory, ...(breathe && { breathe }) })
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
