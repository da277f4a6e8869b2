import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { decodeTensors, encodeTensors, parametersOf } from '@lockstep/models'
import {
  type Coding,
  characterCoding,
  families,
  familyTable,
  seedOn,
  solvedExamples,
  warmStart,
  withOthersAnswers,
} from '@lockstep/swarm'
import { type Executor, type Tensor, unwrap } from '@lockstep/tensor'
import { hashOf, keep } from './kept.ts'
import type { Regime } from './setting.ts'

const table = familyTable(families)

/** A seed's warm-started parameters, all participants' alike: made once, and kept beside the folders that begin with them. */
export const startOf = async (
  executor: Executor,
  folder: string,
  regime: Pick<Regime, 'model' | 'prompt' | 'answer' | 'warm'>,
  seed: number,
  coding: Coding = characterCoding,
): Promise<readonly Tensor[]> => {
  const { model, prompt, answer, warm } = regime
  const types = parametersOf(model).map(({ name, shape }) => ({ name, shape, dtype: 'f32' as const }))
  const file = join(dirname(folder), hashOf({ model, prompt, answer, warm }), `start-${seed}.safetensors`)
  if (existsSync(file)) return unwrap(decodeTensors(readFileSync(file), types))
  const how = { model, coding, train: warm.train, prompt, answer, seed }
  const lessons = solvedExamples(
    table,
    (draws) => {
      const { family, level } = warm.kinds[draws.below(warm.kinds.length)]!
      return { family, level, seed: seedOn('train', table.get(family)!, level, draws.word()) }
    },
    { ...how, examples: warm.examples },
  )
  const clear = await warmStart(executor, { ...how, examples: warm.examples }, lessons)
  const blurred = withOthersAnswers(lessons, warm.right, seed)
  const again = { ...how, train: warm.blur, examples: warm.examples, from: clear.parameters }
  const { parameters } = await warmStart(executor, again, blurred)
  keep(file, encodeTensors(types, parameters))
  return parameters
}
