import assert from 'node:assert/strict'
import {
  follow,
  type Game,
  type Move,
  nextMove,
  openGame,
  playTimeout,
  type Replayed,
  replayFrom,
  seedHash,
  type Task,
  type Terms,
  type TraceSource,
} from '@lockstep/proof'
import { unwrap } from '@lockstep/tensor'
import { segmentNamed, termsFor } from '../../proof/test/settle.ts'
import type { Stage } from './dispute-stage.ts'

const CHAIN = 31337

export type Both = {
  readonly task: Task
  readonly claimant: TraceSource
  readonly challenger: TraceSource
  /** Whether the whole history is challenged, or the first segment that differs. */
  readonly history: boolean
  /** Told of each move before it is made. */
  readonly each?: (game: Game, move: Move, number: number) => Promise<void>
  /** Another player than the one who plays by its source. */
  readonly move?: (replayed: Replayed) => Promise<Move | undefined>
  readonly terms?: Terms
}

export type Played = {
  readonly outcome: string
  readonly moves: number
  /** Where the last move was made, which it was unless a clock ran out, and its gas. */
  readonly game: Game
  readonly last: Move | undefined
  readonly gas: number
}

/** Plays disputes on the contract and in the game at once: each move is taken by both or by neither. */
export const playingBoth =
  (stage: Stage, clock: { now: number }) =>
  async ({
    task,
    claimant,
    challenger,
    history,
    each,
    move: choose,
    terms: given,
  }: Both): Promise<Played> => {
    const { committed } = task
    const terms = given ?? (await termsFor(task, claimant))
    const named = history ? undefined : await segmentNamed(claimant, challenger)
    clock.now += 1
    const { task: fields, header, timing, claim } = terms
    const { number } = await stage.dispute(fields, header, timing, claim, named, clock.now)
    let replayed = replayFrom(
      unwrap(openGame(terms, seedHash(CHAIN, stage.contract, number), clock.now, named)),
    )
    let last: Played['last']
    let gas = 0
    let before = replayed.game
    for (let moves = 0; ; moves++) {
      const { game } = replayed
      const there = await stage.read(number)
      assert.deepEqual(
        { at: there.at, outcome: there.outcome, deadline: there.deadline },
        {
          at: game.outcome === 'open' ? game.at : there.at,
          outcome: game.outcome,
          deadline: game.outcome === 'open' ? game.clock.deadline : there.deadline,
        },
      )
      if (game.outcome !== 'open') return { outcome: game.outcome, moves, game: before, last, gas }
      const source = game.turn === 'claimant' ? claimant : challenger
      const move = await (choose?.(replayed) ?? nextMove({ side: game.turn, committed, source }, replayed))
      clock.now += 2
      const next = move && follow(replayed, move, clock.now)
      if (move) {
        await each?.(game, move, number)
        const sent = next!.ok ? await stage.send(number, move, clock.now) : await stage.tries(number, move)
        assert.equal(sent.ok, next!.ok, `${move.kind}: ${sent.error}`)
        ;({ gas } = sent)
      }
      before = game
      last = next?.ok ? move : undefined
      if (next?.ok) {
        replayed = next.value
        continue
      }
      clock.now = game.clock.deadline + 1
      replayed = { ...replayed, game: unwrap(playTimeout(game, clock.now)) }
      const sent = await stage.timeout(number, clock.now)
      assert.ok(sent.ok)
    }
  }
