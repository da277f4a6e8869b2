import type { Address, Hex } from 'viem'
import { type Call, callsOf } from '../call.ts'
import { Swarms } from '../generated/index.ts'
import {
  type FamilyLevel,
  type OpenedStage,
  type ProofTerms,
  proofArgument,
  type ScoreDefence,
  type SwarmTerms,
  swarmTermsArgument,
} from './swarm-terms.ts'

/** Everything that Swarms can be asked to do. Stages are 0 answer, 1 critique, 2 resolve. */
export const swarmCalls = (swarms: Address) => {
  const call = callsOf('swarms', swarms, Swarms.abi)
  return {
    createSwarm: (terms: SwarmTerms): Call => call('create', [swarmTermsArgument(terms)]),
    joinSwarm: (swarm: number, peer: Hex = '0x'): Call => call('join', [BigInt(swarm), peer]),
    leaveSwarm: (swarm: number, account: Address): Call => call('leave', [BigInt(swarm), account]),
    announcePeer: (swarm: number, peer: Hex): Call => call('announce', [BigInt(swarm), peer]),
    advanceSwarm: (swarm: number): Call => call('advance', [BigInt(swarm)]),
    settleRound: (swarm: number): Call => call('settle', [BigInt(swarm)]),
    closeSwarm: (swarm: number): Call => call('close', [BigInt(swarm)]),
    submitStage: (swarm: number, round: number, stage: number, commitment: Hex): Call =>
      call('submit', [BigInt(swarm), BigInt(round), BigInt(stage), commitment]),
    submitSigned: (
      swarm: number,
      round: number,
      stage: number,
      commitment: Hex,
      key: Address,
      signature: Hex,
    ): Call =>
      call('submitSigned', [BigInt(swarm), BigInt(round), BigInt(stage), commitment, key, signature]),
    claimScores: (swarm: number, round: number, account: Address, opened: readonly OpenedStage[]): Call =>
      call('claim', [BigInt(swarm), BigInt(round), account, opened]),
    challengeScore: (swarm: number, round: number, seat: number, stage: number, task: number): Call =>
      call('challenge', [BigInt(swarm), BigInt(round), BigInt(seat), BigInt(stage), BigInt(task)]),
    standByScore: (
      challenge: number,
      families: readonly FamilyLevel[],
      proof: ProofTerms,
      { claim, stateRoot, lastPath, ...opening }: ScoreDefence,
    ): Call =>
      call('stand', [BigInt(challenge), families, proofArgument(proof), opening, claim, stateRoot, lastPath]),
    /** With the dispute that brought the claim down, where one did. */
    finishChallenge: (challenge: number, dispute = 0): Call =>
      call('finish', [BigInt(challenge), BigInt(dispute)]),
  }
}
