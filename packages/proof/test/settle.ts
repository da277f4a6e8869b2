import { unwrap } from '@lockstep/tensor'
import type { Timing } from '../src/clock.ts'
import { toHex } from '../src/digest.ts'
import { type Game, type Outcome, openGame, playTimeout, type SegmentNamed, type Terms } from '../src/game.ts'
import type { MoveKind } from '../src/moves.ts'
import { nameSegment, nextMove } from '../src/player.ts'
import { seedHash } from '../src/position-hash.ts'
import { follow, replayFrom } from '../src/replay.ts'
import { type Task, taskFields } from '../src/task.ts'
import type { TraceSource } from '../src/trace-source.ts'
import { rootOf } from '../src/tree.ts'

export const TIMING: Timing = { clock: 600, segmentTime: 120, stepTime: 60, moveTime: 30 }

export const termsFor = async (task: Task, claimant: TraceSource): Promise<Terms> => ({
  task: taskFields(task),
  header: task.committed.header,
  timing: TIMING,
  claim: toHex(rootOf(await claimant.checkpoints())),
})

/** The segment to name, as a challenger that holds the claimant's checkpoints finds it. */
export const segmentNamed = async (
  claimant: TraceSource,
  challenger: TraceSource,
): Promise<SegmentNamed | undefined> =>
  nameSegment(await claimant.checkpoints(), await challenger.checkpoints())

export type Settled = {
  readonly outcome: Outcome
  readonly moves: readonly MoveKind[]
  /** The side that had no move left, or had one refused. */
  readonly gaveUp: string | undefined
  readonly game: Game
}

/** Two players against each other, until the referee or the clock decides. */
export const settle = async (
  task: Task,
  terms: Terms,
  claimant: TraceSource,
  challenger: TraceSource,
  named?: SegmentNamed,
): Promise<Settled> => {
  const { committed } = task
  let now = 1000
  const moves: MoveKind[] = []
  let replayed = replayFrom(unwrap(openGame(terms, seedHash(31337, '0x11', 1), now, named)))
  while (replayed.game.outcome === 'open') {
    const { game } = replayed
    const player = { side: game.turn, committed, source: game.turn === 'claimant' ? claimant : challenger }
    const move = await nextMove(player, replayed)
    now += 3
    const next = move && follow(replayed, move, now)
    if (next?.ok) {
      moves.push(move!.kind)
      replayed = next.value
      continue
    }
    const over = unwrap(playTimeout(game, game.clock.deadline + 1))
    const why =
      next && !next.ok ? `${next.fault.field} is ${next.fault.value}, not ${next.fault.limit}` : 'no move'
    return { outcome: over.outcome, moves, gaveUp: `${game.turn} in ${game.phase}: ${why}`, game: over }
  }
  return { outcome: replayed.game.outcome, moves, gaveUp: undefined, game: replayed.game }
}
