import { parseAmount } from '@lockstep/market'
import { type Digest, type Hex, toHex } from '@lockstep/proof'
import { families } from '@lockstep/swarm'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { modelFault } from '../manifest/model-schema.ts'
import { malformed, readWith } from '../manifest/parse.ts'
import { type SwarmManifest, swarmManifestSchema } from './schema.ts'

/** Reads a swarm's manifest, YAML or JSON. Throws a FaultError, and nothing else, on any other bytes. */
export const parseSwarmManifest = (source: Uint8Array<ArrayBufferLike>): SwarmManifest => {
  const manifest = readWith(swarmManifestSchema, source)
  check(manifest)
  return manifest
}

/** The one text of a swarm's manifest: every field, in the schema's order, whatever was written. */
export const canonicalSwarmManifest = (manifest: SwarmManifest): string =>
  `${JSON.stringify(manifest, null, 2)}\n`

/** What a swarm is created with on the chain: keccak256 of its canonical text. */
export const swarmManifestHash = (manifest: SwarmManifest): Hex =>
  toHex(keccak_256(new TextEncoder().encode(canonicalSwarmManifest(manifest))) as Digest)

/** What fields have to do with each other: before money moves, not when the contract refuses it. */
const check = (manifest: SwarmManifest): void => {
  const { model, learning, rounds, weights, participants, proof, warmStart, lengths } = manifest
  const fault = modelFault(model)
  if (fault !== undefined) throw malformed(fault.field, fault.value, fault.limit)
  const tokens = lengths.prompt + lengths.answer
  if (tokens > model.context)
    throw malformed('lengths', tokens, `prompt and answer at most model.context, ${model.context}, together`)
  for (const [i, { family, level, most = level }] of manifest.families.entries()) {
    const { levels } = families.find(({ name }) => name === family)!
    if (level >= levels) throw malformed(`families.${i}.level`, level, `0 to ${levels - 1} for ${family}`)
    if (most < level || most >= levels)
      throw malformed(`families.${i}.most`, most, `${level}, its level, to ${levels - 1} for ${family}`)
  }
  const { local, external, groupSize, batch, groups, budget = groups } = learning
  if (local + external === 0)
    throw malformed('learning.local', local, 'at least 1 where learning.external is 0')
  if (local > groups) throw malformed('learning.local', local, `at most learning.groups, ${groups}`)
  if (budget < groups)
    throw malformed('learning.budget', budget, `at least learning.groups, ${groups}; absent, it is that`)
  const rows = (local + external) * groupSize
  if (!isPower(rows / batch))
    throw malformed(
      'learning.batch',
      batch,
      `(learning.local + learning.external) x learning.groupSize, ${rows}, divided by a power of two`,
    )
  if (warmStart.examples % warmStart.batch !== 0 || !isPower(warmStart.examples / warmStart.batch))
    throw malformed('warmStart.examples', warmStart.examples, 'warmStart.batch times a power of two')
  if (warmStart.warmup > warmStart.steps)
    throw malformed('warmStart.warmup', warmStart.warmup, `at most warmStart.steps, ${warmStart.steps}`)
  if (rounds.critique === 0 && weights.critique > 0)
    throw malformed('weights.critique', weights.critique, '0 where rounds.critique is 0')
  for (const weight of ['prediction', 'resolve'] as const)
    if (rounds.resolve === 0 && weights[weight] > 0)
      throw malformed(`weights.${weight}`, weights[weight], '0 where rounds.resolve is 0')
  if (participants.minimum > participants.most)
    throw malformed('participants.minimum', participants.minimum, `at most ${participants.most}`)
  const [stake, reward, deposit] = [manifest.stake, manifest.reward, manifest.deposit].map(
    (text) => parseAmount(text)!,
  ) as [bigint, bigint, bigint]
  if (reward === 0n) throw malformed('reward', manifest.reward, 'more than nothing')
  if (stake < reward)
    throw malformed('stake', manifest.stake, `at least the reward of a round, ${manifest.reward}`)
  if (100n * deposit < stake || deposit > stake)
    throw malformed('deposit', manifest.deposit, `a hundredth of the stake, ${manifest.stake}, to all of it`)
  if (proof.step < proof.move) throw malformed('proof.step', proof.step, `at least ${proof.move}, proof.move`)
  if (proof.segment < proof.step)
    throw malformed('proof.segment', proof.segment, `at least ${proof.step}, proof.step`)
}

const isPower = (n: number): boolean => Number.isInteger(n) && n >= 1 && (n & (n - 1)) === 0
