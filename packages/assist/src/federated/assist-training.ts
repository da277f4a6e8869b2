import { type Executor, fail, ok, type Result } from '@lockstep/tensor'
import { decodeEpisode, type Episode } from '../episode/episode.ts'
import { bitsOf, firstState, updateInputs, updateProgram } from '../learning/update.ts'
import type { Memory } from '../memory/memory.ts'
import { type AssistModel, programsOf } from '../model/assist-model.ts'
import { sharedEpisode } from './shared-episode.ts'
import { type PreparedTraining, prepareTraining } from './training.ts'

export type AssistTrainingOptions = {
  readonly executor: Executor
  /** Name of the environment whose episodes it learns from. */
  readonly environment: string
  readonly model: AssistModel
  /** Makes an empty memory, as the assistants of this base have them. */
  readonly memory: () => Memory
  /** Steps of a round. */
  readonly steps: number
  /** Decides which of a person's rows are learned from, and in which order. */
  readonly seed: number
}

/**
 * The training of an assistant's base in rounds: the program by which the assistant itself learns (docs/assist-model.md), without
 * preferences, since what was offered is not shared. The network learns beside the memory, which is built anew from the same
 * episodes: what the memory said is an input of the program, so that whoever has the episodes can make it again.
 */
export const assistTraining = (options: AssistTrainingOptions): PreparedTraining => {
  const { executor, environment, model, memory, steps, seed } = options
  const program = updateProgram(model, false)
  return prepareTraining({
    name: environment,
    program,
    steps,
    parameters: programsOf(model).parameters.map(({ name, shape }) => ({
      name,
      dtype: 'f32' as const,
      shape,
    })),
    begin: (parameters) => firstState(program, parameters),
    inputsOf: async (parameters, encoded) => {
      const episodes = episodesIn(encoded, options)
      if (!episodes.ok) return episodes
      const given = await updateInputs(executor, model, parameters, episodes.value, seed, memory())
      return given ? ok(given.inputs) : nothing
    },
    bits: async (parameters, encoded) => {
      const episodes = episodesIn(encoded, options)
      if (!episodes.ok) return episodes
      if (episodes.value.every(({ events }) => events.length === 0)) return nothing
      return ok(await bitsOf(executor, model, parameters, [], episodes.value, memory()))
    },
  })
}

/** Episodes as they are shared, whether they are or not: the same is learned in either case. */
const episodesIn = (
  encoded: readonly Uint8Array[],
  { environment, model }: AssistTrainingOptions,
): Result<Episode[]> => {
  const found: Episode[] = []
  const { vocab } = model.network.config
  for (const [i, bytes] of encoded.entries()) {
    const read = decodeEpisode(bytes)
    if (!read.ok) return read
    const episode = sharedEpisode(read.value)
    if (episode.environment !== environment)
      return no(`episodes[${i}].environment`, episode.environment, environment)
    for (const event of episode.events) {
      const strange = event.kind === 'acted' && event.symbols.find((symbol) => symbol >= vocab)
      if (typeof strange === 'number') return no(`episodes[${i}].symbols`, strange, `below ${vocab}`)
    }
    found.push(episode)
  }
  return ok(found)
}

const no = (field: string, value: string | number, limit: string): Result<never> =>
  fail({ code: 'episodes-unsuited', field, value, limit, remedy: 'Give episodes of that application.' })

const nothing = no('episodes', 'nothing was done in them', 'something to learn from')
