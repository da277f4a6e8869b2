import { setTimeout as sleep } from 'node:timers/promises'
import { ChainError } from '@lockstep/contracts'
import { FaultError, fail, ok, type Result } from '@lockstep/tensor'
import { BaseError } from 'viem'
import { readRunDirectory } from '../run/read-run-directory.ts'
import { runFault } from '../run/run-fault.ts'
import { type DisputePlayed, playDispute, type TableOptions } from './play-dispute.ts'
import { type History, type ProcessMoverOptions, processMover } from './process-mover.ts'

/** One side of all disputes about one claim. */
export type Player = {
  /**
   * Plays a dispute to its end, from wherever the chain says it is. Lost connections are tried again; what cannot be
   * played is a fault. Several may be played at once.
   */
  readonly play: (dispute: number, options?: PlayOptions) => Promise<Result<DisputePlayed>>
  readonly close: () => Promise<void>
}

export type PlayOptions = Pick<TableOptions, 'made' | 'refused' | 'signal'> & {
  /** Told of what was in the way and is tried again. */
  readonly trouble?: (error: Error) => void
}

export type PlayerOptions = Pick<TableOptions, 'chain'> & Omit<ProcessMoverOptions, 'side' | 'history'>

/** How often in a row a process that ends by itself is started again. */
const MOST_CRASHES = 5
const [LEAST_WAIT_MS, MOST_WAIT_MS] = [250, 30_000]

/** Defends the claim that the run in the spec's directory makes. */
export const openClaimant = async (options: PlayerOptions): Promise<Result<Player>> => {
  const history = await ownHistory(options.spec.directory)
  return history.ok ? ok(playerOf('claimant', options, history.value)) : history
}

/**
 * Attacks a claim: out of the finished run in the spec's directory, or, in disputes about a named segment, out of the
 * claimant's own published items and checkpoints, up to the segment that is disputed.
 */
export const openChallenger = async (
  options: PlayerOptions & { readonly claimed?: History },
): Promise<Result<Player>> => {
  const own = await ownHistory(options.spec.directory)
  if (own.ok) return ok(playerOf('challenger', options, own.value))
  return options.claimed ? ok(playerOf('challenger', options, options.claimed)) : own
}

const ownHistory = async (directory: string): Promise<Result<History>> => {
  const run = await readRunDirectory(directory)
  if (run?.isComplete) return ok(run)
  const found = run ? `${run.items.length} segments` : 'no run'
  return fail(runFault('run-invalid', directory, found, 'a finished run', 'Finish the run first.').fault)
}

const playerOf = (side: 'claimant' | 'challenger', options: PlayerOptions, history: History): Player => {
  const mover = processMover({ ...options, side, history })
  return {
    close: mover.close,
    play: async (dispute, { trouble, signal, ...told }: PlayOptions = {}) => {
      let crashes = 0
      let wait = LEAST_WAIT_MS
      for (;;) {
        try {
          const table = { chain: options.chain, dispute, side, ...told, ...(signal && { signal }) }
          return ok(
            await playDispute(table, {
              next: async (record) => {
                const move = await mover.next(record)
                crashes = 0
                wait = LEAST_WAIT_MS
                return move
              },
            }),
          )
        } catch (error) {
          if (signal?.aborted) throw signal.reason
          const again = error instanceof ChainError || error instanceof BaseError || isCrash(error)
          if (!again && error instanceof FaultError) return fail(error.fault)
          if (!again) throw error
          if (error instanceof FaultError && ++crashes > MOST_CRASHES) return fail(error.fault)
          trouble?.(error as Error)
        }
        await sleep(wait, undefined, signal && { signal })
        wait = Math.min(2 * wait, MOST_WAIT_MS)
      }
    },
  }
}

/** A process that ended other than asked, which another start may survive. */
const isCrash = (error: unknown): boolean => error instanceof FaultError && error.fault.code === 'run-crashed'
