import type { SwarmTerms } from '@lockstep/contracts'
import { parseAmount } from '@lockstep/market'
import { initialItem, toHex } from '@lockstep/proof'
import {
  families,
  familyRoot,
  SCORE_CHECKPOINTS,
  SCORE_SEGMENT,
  scoreProgram,
  wordStart,
} from '@lockstep/swarm'
import { swarmManifestHash } from './parse.ts'
import type { SwarmManifest } from './schema.ts'

/** What only the chain knows. */
export type SwarmTermsAt = {
  readonly now: number // seconds
  readonly minimumBond: bigint // wei
}

/** What a swarm is created with on the chain: the same for everybody who has the manifest, but for its expiry. */
export const swarmTermsOf = (manifest: SwarmManifest, { now, minimumBond }: SwarmTermsAt): SwarmTerms => {
  const { rounds, weights, participants, proof } = manifest
  return {
    manifest: swarmManifestHash(manifest),
    ...{ answerTime: rounds.answer, critiqueTime: rounds.critique, resolveTime: rounds.resolve },
    ...{ claimTime: rounds.claim, challengeTime: rounds.challenge, standTime: rounds.stand },
    expiry: now + rounds.expiry,
    ...{ rounds: rounds.count, tasks: rounds.tasks, ...participants, weights },
    stake: parseAmount(manifest.stake)!,
    reward: parseAmount(manifest.reward)!,
    deposit: parseAmount(manifest.deposit)!,
    families: manifest.families.map(({ family, level }) => ({
      code: toHex(familyRoot(families.find(({ name }) => name === family)!)),
      level,
    })),
    proof: {
      header: scoreProgram().header,
      initialItem: toHex(initialItem(wordStart())),
      ...{ steps: SCORE_CHECKPOINTS * SCORE_SEGMENT, segmentLength: SCORE_SEGMENT },
      ...{ window: proof.window, clock: proof.clock, segmentTime: proof.segment },
      ...{ stepTime: proof.step, moveTime: proof.move, bond: minimumBond },
    },
  }
}
