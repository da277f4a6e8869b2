import type { DisputeChain } from '@lockstep/contracts'
import {
  type Chain,
  type Claim,
  type DisputeRecord,
  executorTrace,
  type Game,
  isJudging,
  type Judgement,
  judgementOf,
  type Move,
  nextMove,
  type Outcome,
  playBy,
  replay,
  type Side,
  type Task,
} from '@lockstep/proof'
import { type Executor, type Tensor, unwrap } from '@lockstep/tensor'

/** A move as it was made, with the position that it answered. */
export type MoveMade = { readonly number: number; readonly move: Move; readonly before: Game }

export type DisputePlayed = {
  readonly outcome: Outcome
  readonly moves: number
  /** The last position, and what the referee computed in it where this side had it judged. */
  readonly game: Game
  readonly judgement?: Judgement
}

/** Whoever knows the moves of one side: out of a trace in this process, or of another. */
export type Mover = {
  /** What to play in this record; undefined where there is nothing to be said. */
  readonly next: (record: DisputeRecord) => Promise<Move | undefined>
}

export type TableOptions = {
  readonly chain: DisputeChain
  readonly dispute: number
  readonly side: Side
  /** Told of every move, in order, as soon as it is on the chain. */
  readonly made?: (move: MoveMade) => Promise<void> | void
  readonly refused?: (move: Move, reason: string) => void
  /** Leaves the dispute as it is on the chain, to be gone on with later: the call then fails with the signal's reason. */
  readonly signal?: AbortSignal
}

/** The longest that a player does not look whether it should leave, in seconds. */
const LOOK_SECONDS = 5

/** Plays one side of a dispute on a chain, and tells of every move of either side as it appears. */
export const playDispute = async (options: TableOptions, mover: Mover): Promise<DisputePlayed> => {
  const { chain, dispute, side, signal } = options
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
      signal?.throwIfAborted()
      const record = await chain.record(number)
      await tell(record)
      return record
    },
    submit: async (number, move) => {
      signal?.throwIfAborted()
      const before = game
      const result = await chain.submit(number, move)
      if (result.ok && isJudging(move) && before) judged = { move, game: before }
      return result
    },
    timeout: chain.timeout,
  }
  const outcome = await playBy(
    {
      side,
      chain: watched,
      dispute,
      now: chain.now,
      wait: (until) => chain.wait(dispute, signal ? Math.min(until, chain.now() + LOOK_SECONDS) : until),
      refused: (move, result) => options.refused?.(move, result.ok ? '' : String(result.fault.value)),
    },
    (record) => mover.next(record),
  )
  const judgement = judged && isJudging(judged.move) ? judgementOf(judged.game, judged.move) : undefined
  if (judged && judgement) await options.made?.({ number: told, move: judged.move, before: judged.game })
  return {
    outcome,
    moves: told + (judged ? 1 : 0),
    game: judged?.game ?? game!,
    ...(judgement && { judgement }),
  }
}

export type TraceOptions = {
  readonly task: Task
  readonly executor: Executor
  readonly claim: Claim
  readonly state: (checkpoint: number) => Promise<readonly Tensor[] | undefined>
}

/** The moves of a side out of a task's trace, in this process. Closing frees the runner, not the executor. */
export const traceMover = async (
  side: Side,
  options: TraceOptions,
): Promise<Mover & { readonly close: () => void }> => {
  const source = await executorTrace(options)
  const { committed } = options.task
  return {
    next: async (record) => nextMove({ side, committed, source }, unwrap(replay(record))),
    close: () => source.close(),
  }
}

/** Plays one side of a dispute out of a task's trace, in this process. */
export const playFromTrace = async (options: TableOptions & TraceOptions): Promise<DisputePlayed> => {
  const mover = await traceMover(options.side, options)
  try {
    return await playDispute(options, mover)
  } finally {
    mover.close()
  }
}

/** Where a record stands, whatever ended it. */
const gameOf = ({ terms, seed, openedAt, named, moves }: DisputeRecord): Game => {
  const replayed = replay({ terms, seed, openedAt, moves, ...(named && { named }) })
  if (!replayed.ok) throw new Error(`the record of a dispute cannot be played again: ${replayed.fault.code}`)
  return replayed.value.game
}
