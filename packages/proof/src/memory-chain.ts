import type { Result } from '@lockstep/tensor'
import { fail, ok } from '@lockstep/tensor'
import type { Chain, DisputeRecord } from './chain.ts'
import { type Game, openGame, playMove, playTimeout, type SegmentNamed, type Terms } from './game.ts'
import { seedHash } from './position-hash.ts'

/** A chain that is nothing but the game in memory: for tests, and for the simulator. */
export type MemoryChain = Chain & {
  readonly open: (terms: Terms, named?: SegmentNamed) => Result<number>
  readonly game: (dispute: number) => Game
}

const CONTRACT = `0x${'11'.repeat(20)}` as const

export const memoryChain = (now: () => number): MemoryChain => {
  const disputes: { record: DisputeRecord; game: Game }[] = []
  const at = (dispute: number) => {
    const found = disputes[dispute]
    if (!found) throw new Error(`there is no dispute ${dispute}`)
    return found
  }
  return {
    open: (terms, named) => {
      const record: DisputeRecord = {
        terms,
        seed: seedHash(31337, CONTRACT, disputes.length),
        openedAt: now(),
        moves: [],
        ...(named ? { named } : {}),
      }
      const opened = openGame(terms, record.seed, record.openedAt, named)
      if (!opened.ok) return fail(opened.fault)
      disputes.push({ record, game: opened.value })
      return ok(disputes.length - 1)
    },
    game: (dispute) => at(dispute).game,
    record: async (dispute) => at(dispute).record,
    submit: async (dispute, move) => {
      const { record, game } = at(dispute)
      const time = now()
      const next = playMove(game, move, time)
      if (!next.ok) return fail(next.fault)
      disputes[dispute] = {
        record: { ...record, moves: [...record.moves, { move, time }] },
        game: next.value,
      }
      return ok(undefined)
    },
    timeout: async (dispute) => {
      const { record, game } = at(dispute)
      const time = now()
      const next = playTimeout(game, time)
      if (!next.ok) return fail(next.fault)
      disputes[dispute] = { record: { ...record, timedOutAt: time }, game: next.value }
      return ok(undefined)
    },
  }
}
