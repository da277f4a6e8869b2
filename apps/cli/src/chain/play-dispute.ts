import type { DisputeChain } from '@lockstep/contracts'
import {
  type Chain,
  type Claim,
  type DisputeRecord,
  executorTrace,
  type Game,
  type Move,
  type Outcome,
  play,
  replay,
  type Side,
  type Task,
} from '@lockstep/proof'
import type { Executor, Tensor } from '@lockstep/tensor'
import { isJudging, type Judgement, judgementOf } from './judgement.ts'

/** A move as it was made, with the position that it answered. */
export type MoveMade = { readonly number: number; readonly move: Move; readonly before: Game }

export type DisputePlayed = {
  readonly outcome: Outcome
  readonly moves: number
  /** The last position, and what the referee computed in it where this side had it judged. */
  readonly game: Game
  readonly judgement?: Judgement
}

export type PlayDisputeOptions = {
  readonly chain: DisputeChain
  readonly dispute: number
  readonly side: Side
  readonly task: Task
  readonly executor: Executor
  readonly claim: Claim
  readonly state: (checkpoint: number) => Promise<readonly Tensor[] | undefined>
  /** Told of every move, in order, as soon as it is on the chain. */
  readonly made?: (move: MoveMade) => Promise<void> | void
  readonly refused?: (move: Move, reason: string) => void
}

/** Plays one side of a dispute on a chain out of a run, and tells of every move of either side as it appears. */
export const playDispute = async (options: PlayDisputeOptions): Promise<DisputePlayed> => {
  const { chain, dispute, side, task, executor, claim, state } = options
  const source = await executorTrace({ task, executor, claim, state })
  let told = 0
  let game: Game | undefined
  let judged: { readonly move: Move; readonly game: Game } | undefined
  const tell = async (record: DisputeRecord): Promise<void> => {
    for (; told < record.moves.length; told++) {
      const before = gameOf({ ...record, moves: record.moves.slice(0, told) })
      await options.made?.({ number: told, move: record.moves[told]!.move, before })
    }
    game = gameOf(record)
  }
  const watched: Chain = {
    record: async (number) => {
      const record = await chain.record(number)
      await tell(record)
      return record
    },
    submit: async (number, move) => {
      if (isJudging(move) && game) judged = { move, game }
      return chain.submit(number, move)
    },
    timeout: chain.timeout,
  }
  try {
    const outcome = await play({
      side,
      committed: task.committed,
      source,
      chain: watched,
      dispute,
      now: chain.now,
      wait: (until) => chain.wait(dispute, until),
      refused: (move, result) => options.refused?.(move, result.ok ? '' : String(result.fault.value)),
    })
    const judgement = judged && isJudging(judged.move) ? judgementOf(judged.game, judged.move) : undefined
    if (judged && judgement) await options.made?.({ number: told, move: judged.move, before: judged.game })
    return {
      outcome,
      moves: told + (judged ? 1 : 0),
      game: judged?.game ?? game!,
      ...(judgement && { judgement }),
    }
  } finally {
    source.close()
  }
}

/** Where a record stands, whatever ended it. */
const gameOf = ({ terms, seed, openedAt, named, moves }: DisputeRecord): Game => {
  const replayed = replay({ terms, seed, openedAt, moves, ...(named && { named }) })
  if (!replayed.ok) throw new Error(`the record of a dispute cannot be played again: ${replayed.fault.code}`)
  return replayed.value.game
}
