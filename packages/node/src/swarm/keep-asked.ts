import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeTensors, parametersOf } from '@lockstep/models'
import { encodeReceipt } from '@lockstep/swarm'
import { writeAtomic } from '../atomic-file.ts'
import type { AskedModel } from './ask-models.ts'

/**
 * Keeps a model that another participant gave as that participant's own directory has it: what it has otherwise than the
 * manifest, its parameters, the receipts that lead to them. `participant.json` comes last, so whoever finds it finds all.
 */
export const keepAskedModel = async (
  directory: string,
  { account, round, own, model, parameters, receipts }: AskedModel,
): Promise<void> => {
  await mkdir(directory, { recursive: true })
  await writeAtomic(join(directory, 'own-model.json'), own)
  const types = parametersOf(model).map(({ name, shape }) => ({
    ...({ name, dtype: 'f32', shape } as const),
  }))
  await writeAtomic(join(directory, `model-${round}.state`), encodeTensors(types, parameters))
  for (const receipt of receipts)
    await writeAtomic(join(directory, `round-${receipt.round}.receipt`), encodeReceipt(receipt))
  await writeAtomic(join(directory, 'participant.json'), `${JSON.stringify({ account, learned: round })}\n`)
}
