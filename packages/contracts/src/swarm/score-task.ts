import { type Address, encodeAbiParameters, type Hex, keccak256 } from 'viem'
import type { TaskTerms } from '../dispute-chain.ts'
import type { ProofTerms } from './swarm-terms.ts'

/** What tells the proof of a challenged score from every other proof of the same answer. */
export const scoreContext = (
  place: { readonly chainId: number; readonly contract: Address },
  challenge: number,
): Hex =>
  keccak256(
    encodeAbiParameters(
      [{ type: 'uint256' }, { type: 'address' }, { type: 'uint256' }],
      [BigInt(place.chainId), place.contract, BigInt(challenge)],
    ),
  )

/**
 * The task in Disputes by which a challenged score is proven. `inputsRoot` is the root of the run's inputs: the family's
 * code, and the request with seed, level and answer. `place.contract` is Swarms.
 */
export const scoreTaskTerms = (
  place: { readonly chainId: number; readonly contract: Address },
  challenge: number,
  proof: ProofTerms,
  inputsRoot: Hex,
): TaskTerms => ({ ...proof, inputsRoot, context: scoreContext(place, challenge) })
