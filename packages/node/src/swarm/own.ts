import type { Keep, OwnRound, OwnState } from './keep.ts'
import type { RoundView } from './view.ts'

/** A participant's own part of the rounds, as it is on the disk. */
export type Own = {
  readonly now: () => OwnState
  /** Its part of a round; undefined where that is none, or of a round that the chain has taken back. */
  readonly at: (round: Pick<RoundView, 'round' | 'seed'>) => OwnRound | undefined
  /** Return when the change is safe on the disk. */
  readonly save: (change: Partial<OwnState>) => Promise<void>
  readonly saveRound: (round: OwnRound) => Promise<void>
}

export const openOwn = (keep: Pick<Keep, 'save'>, first: OwnState): Own => {
  let own = first
  const save = async (change: Partial<OwnState>): Promise<void> => {
    const next = { ...own, ...change }
    await keep.save(next)
    own = next
  }
  return {
    now: () => own,
    at: ({ round: number, seed: of }) =>
      own.rounds.find(({ round, seed }) => round === number && seed === of),
    save,
    saveRound: (round) => save({ rounds: [...own.rounds.filter((one) => one.round !== round.round), round] }),
  }
}
