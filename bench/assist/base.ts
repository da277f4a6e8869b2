import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AssistModel, programsOf, TEXT_MODEL } from '@lockstep/assist'
import { decodeSafetensors, f32Tensor } from '@lockstep/models'
import type { Tensor } from '@lockstep/tensor'

const FILE = join(import.meta.dirname, '..', '..', 'data', 'assist-base-text.safetensors')
const base = () => (existsSync(FILE) ? decodeSafetensors(readFileSync(FILE)) : undefined)

/** The base for text as it is shipped; where none is, a network that has read nothing yet. */
export const baseOf = (): { readonly model: AssistModel; readonly parameters: readonly Tensor[] } => {
  const programs = programsOf(TEXT_MODEL)
  const shipped = base()
  const parameters = shipped
    ? programs.parameters.map(({ name }) => widened(shipped.tensors.get(name)!))
    : programs.first(1)
  return { model: TEXT_MODEL, parameters }
}

/** bf16 is the upper half of f32. */
const widened = ({ dtype, shape, data }: Tensor): Tensor => {
  if (dtype === 'f32') return { dtype, shape, data }
  const words = Uint32Array.from(new Uint16Array(data.slice().buffer), (half) => half << 16)
  return f32Tensor(shape, new Float32Array(words.buffer))
}

/** What the base was trained on, as it says itself: `package:NAME@VERSION`, `address:YEAR`, `moby-dick:FROM-TO`. */
export const trainedOn = (): readonly string[] => base()?.metadata.get('sources')?.split(',') ?? []
