import type { ProgramHeader } from '@lockstep/proof'
import { type Address, type Hex, toHex } from 'viem'

/** A family of tasks at one level. `code` is the digest of its code as a tensor. */
export type FamilyLevel = { readonly code: Hex; readonly level: number }

/** On which terms a score is proven in Disputes. Times are in seconds, the bond in wei. */
export type ProofTerms = {
  readonly header: ProgramHeader
  readonly initialItem: Hex
  readonly steps: number
  readonly segmentLength: number
  readonly window: number
  readonly clock: number
  readonly segmentTime: number
  readonly stepTime: number
  readonly moveTime: number
  readonly bond: bigint
}

/** What a swarm is created with; see SwarmTerms in ISwarms.sol. */
export type SwarmTerms = {
  readonly manifest: Hex
  readonly answerTime: number
  readonly critiqueTime: number
  readonly resolveTime: number
  readonly claimTime: number
  readonly challengeTime: number
  readonly standTime: number
  /** A time of the chain: no round begins from then on. */
  readonly expiry: number
  readonly rounds: number
  readonly tasks: number
  readonly minimum: number
  readonly most: number
  readonly weights: {
    readonly answer: number
    readonly critique: number
    readonly prediction: number
    readonly resolve: number
  }
  readonly stake: bigint
  readonly reward: bigint
  readonly deposit: bigint
  readonly families: readonly FamilyLevel[]
  readonly proof: ProofTerms
}

/** One stage's submission, opened; 32 bytes each. */
export type OpenedStage = {
  readonly root: Hex
  readonly scores: Hex
  readonly votes: Hex
  readonly salt: Hex
}

/** What a challenged participant shows. */
export type ScoreDefence = {
  readonly answer: Hex
  readonly path: readonly Hex[]
  /** What was claimed as the roots of the first and of the final answers; zero for a stage without submission. */
  readonly answersRoot: Hex
  readonly finalsRoot: Hex
  /** The claim in Disputes. */
  readonly claim: Hex
  /** Of the state after the last step. */
  readonly stateRoot: Hex
  /** All siblings of the last checkpoint under the claim's root. */
  readonly lastPath: readonly Hex[]
}

/** Proof terms as the contract takes them. */
export const proofArgument = (proof: ProofTerms) => ({
  ...proof,
  header: {
    ...proof.header,
    interfaceDigest: toHex(proof.header.interfaceDigest),
    itemsRoot: toHex(proof.header.itemsRoot),
  },
  steps: BigInt(proof.steps),
})

export const swarmTermsArgument = (terms: SwarmTerms) => ({ ...terms, proof: proofArgument(terms.proof) })

export const CHALLENGE_STATUS = ['none', 'open', 'stood', 'upheld', 'fallen', 'void'] as const
export type ChallengeStatus = (typeof CHALLENGE_STATUS)[number]

/** Of a participant in a swarm. */
export type SwarmMember = {
  readonly joined: boolean
  readonly slashed: boolean
  readonly seat: number
  readonly lastRound: number
}

export type SwarmRound = {
  readonly seed: Hex
  readonly begin: number
  readonly seats: number
  readonly open: number
}

export type ScoreChallenge = {
  readonly challenger: Address
  readonly status: ChallengeStatus
  readonly swarm: number
  readonly round: number
  readonly seat: number
  readonly stage: number
  readonly task: number
  readonly begun: number
  readonly account: Address
  readonly deposit: bigint
  readonly claim: Hex
}
