import type { SwarmManifest } from '@lockstep/client'
import type { Call, MarketChain, SwarmTerms } from '@lockstep/contracts'
import type { Hex } from '@lockstep/proof'
import type { Families } from '@lockstep/swarm'
import type { Result } from '@lockstep/tensor'
import type { Arithmetic } from './arithmetic.ts'
import type { ParticipantEvent } from './events.ts'
import type { Hearing } from './hearing.ts'
import type { Own } from './own.ts'
import type { RoundView, SwarmView } from './view.ts'

/** What the parts of a participant share. */
export type Inside = {
  readonly market: MarketChain
  readonly manifest: SwarmManifest
  readonly swarm: number
  readonly account: Hex // in lower case
  /** The terms that follow from the manifest. */
  readonly terms: SwarmTerms
  readonly arithmetic: Arithmetic
  readonly families: Families
  readonly own: Own
  readonly hearing: Hearing
  /** Whether what an account says comes here at all. */
  readonly hears: (account: Hex) => boolean
  readonly view: () => SwarmView
  readonly roundAt: (round: number) => RoundView | undefined
  readonly seatIn: (round: RoundView, who: Hex) => number | undefined
  readonly tell: (event: ParticipantEvent) => void
  /** Sends a call; a fault says that the chain has refused it. */
  readonly send: (call: Call) => Promise<Result<unknown>>
}

/** The stages of a round, as the chain numbers them. */
export const ANSWER = 0
export const CRITIQUE = 1
export const RESOLVE = 2

export const ZERO: Hex = `0x${'00'.repeat(32)}`
