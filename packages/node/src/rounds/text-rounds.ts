import type { TextBase } from '@lockstep/assist'
import {
  createKeeper,
  type Keeper,
  type KeeperOptions,
  type KeeperSettings,
  parameterBytes,
  type RoundEnd,
  textTraining,
} from '@lockstep/assist/federated'
import type { Executor } from '@lockstep/tensor'
import { keepRounds } from './keep-rounds.ts'

export type TextRoundsOptions = Pick<KeeperOptions, 'name' | 'storage'> & {
  readonly executor: Executor
  /** The base of the first round; its public counts are part of what everybody runs in all of them. */
  readonly base: TextBase
  readonly settings?: Partial<KeeperSettings>
  /** Seconds of the clock that rounds go by. */
  readonly now: () => number
  readonly ended?: (end: RoundEnd) => void
  readonly failed?: (error: unknown) => void
}

/** Rounds that are kept until they are stopped, and what a listener for them needs. */
export type TextRounds = {
  readonly keeper: Keeper
  readonly parameterBytes: number
  readonly now: () => number
  /** Waits for what is under way. The executor stays its owner's to close. */
  readonly stop: () => Promise<void>
}

/** An hour for one person or more. The norm is several times that of an honest update of 40 steps. */
export const TEXT_ROUNDS: KeeperSettings = { seconds: 3600, least: 1, most: 32, norm: 10, kept: 8 }

/** Milliseconds between looks at whether a round is due. */
const LOOK = 250

/** Keeps rounds of the base with which the assistants of editors begin. */
export const openTextRounds = async (options: TextRoundsOptions): Promise<TextRounds> => {
  const { executor, base, name, storage, settings, now, ended, failed } = options
  const training = textTraining(executor, base)
  const keeper = await createKeeper({
    ...{ executor, training, name, storage, base: base.parameters },
    settings: { ...TEXT_ROUNDS, ...settings },
  })
  await keeper.open(now())
  const { stop } = keepRounds({
    ...{ keeper, now, every: LOOK, ...(ended && { ended }), ...(failed && { failed }) },
  })
  return { keeper, parameterBytes: parameterBytes(training), now, stop }
}
