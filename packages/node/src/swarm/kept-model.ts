import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeSafetensors, type LanguageModel, parametersOf, pickTensors } from '@lockstep/models'
import { decodeReceipt, RECEIPT_LIMITS, type UpdateReceipt } from '@lockstep/swarm'
import type { Tensor } from '@lockstep/tensor'

/**
 * A model's parameters out of the bytes of a participant's `model-N.state`, which begins with them. Throws a ModelError where
 * they are not those of the model.
 */
export const parametersOfState = (
  model: LanguageModel,
  state: Uint8Array<ArrayBuffer>,
  remedy: string,
): Tensor[] => {
  const types = parametersOf(model).map(({ name, shape }, i) => ({
    ...({ name: `${i}/${name}`, dtype: 'f32', shape } as const),
  }))
  return pickTensors("the participant's state", decodeSafetensors(state).tensors, types, remedy)
}

/** The receipts of updates that a participant's directory holds. What is damaged is none. */
export const readReceipts = async (directory: string): Promise<UpdateReceipt[]> => {
  const found: UpdateReceipt[] = []
  for (const name of await readdir(directory)) {
    if (!/^round-[1-9][0-9]{0,9}\.receipt$/.test(name)) continue
    const file = join(directory, name)
    const { size } = await stat(file)
    if (size > RECEIPT_LIMITS.bytes) continue
    const read = decodeReceipt(await readFile(file))
    if (read.ok) found.push(read.value)
  }
  return found
}
