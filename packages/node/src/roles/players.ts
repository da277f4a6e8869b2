import type { Hex } from '@lockstep/proof'
import type { Result } from '@lockstep/tensor'
import type { Player } from '../dispute/index.ts'
import type { NodeParts } from './parts.ts'

/** The sides that a node plays, one for all disputes about a claim. */
export type Players = {
  /** Plays a dispute to its end; `open` is asked for the side where there is none yet. */
  readonly play: (
    dispute: number,
    claim: Hex,
    open: () => Promise<Result<Player>>,
  ) => Promise<Result<unknown>>
  readonly close: () => Promise<void>
}

export const createPlayers = ({ log, stopped }: Pick<NodeParts, 'log' | 'stopped'>): Players => {
  const players = new Map<Hex, Promise<Result<Player>>>()

  const playerOf = async (claim: Hex, open: () => Promise<Result<Player>>): Promise<Result<Player>> => {
    const opening = players.get(claim) ?? open()
    players.set(claim, opening)
    let opened: Result<Player> | undefined
    try {
      opened = await opening
      return opened
    } finally {
      // What could not be opened is tried again.
      if (!opened?.ok) players.delete(claim)
    }
  }

  return {
    play: async (dispute, claim, open) => {
      const player = await playerOf(claim, open)
      if (!player.ok) return player
      log.info({ dispute, claim }, 'dispute')
      const played = await player.value.play(dispute, {
        signal: stopped,
        made: ({ number, move }) => log.info({ dispute, move: number, kind: move.kind }, 'dispute move'),
        trouble: (error) => log.warn({ dispute, err: error }, 'dispute is hindered'),
      })
      if (played.ok) log.info({ dispute, claim, outcome: played.value.outcome }, 'dispute ended')
      return played
    },
    close: async () => {
      for (const opening of players.values()) {
        const opened = await opening.catch(() => undefined)
        if (opened?.ok) await opened.value.close()
      }
    },
  }
}
