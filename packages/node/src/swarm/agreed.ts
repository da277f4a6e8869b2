import { type SwarmManifest, swarmManifestHash, swarmTermsOf } from '@lockstep/client'
import type { SwarmTerms } from '@lockstep/contracts'
import { fail, ok, type Result } from '@lockstep/tensor'
import type { SwarmView } from './view.ts'

/**
 * The terms that follow from a manifest, if the swarm on the chain was created with it. What its creator has told the chain
 * must be what the manifest says, the tasks above all: true scores of other tasks could come out false.
 */
export const agreedTerms = (
  swarm: number,
  view: SwarmView | undefined,
  manifest: SwarmManifest,
): Result<SwarmTerms> => {
  const terms = view?.terms
  if (terms === undefined || terms.manifest !== swarmManifestHash(manifest))
    return fail({
      code: terms === undefined ? 'swarm-unknown' : 'manifest-differs',
      field: terms === undefined ? 'swarm' : 'manifest',
      value: terms === undefined ? swarm : swarmManifestHash(manifest),
      limit: terms === undefined ? 'a swarm of this network' : `that of swarm ${swarm}, ${terms.manifest}`,
      remedy: 'Name the swarm that is meant, and give the manifest that it was created with.',
    })
  const expected = swarmTermsOf(manifest, { now: 0, minimumBond: bondOf(terms) })
  const wrong = expected.families.findIndex(
    ({ code, level }, i) => terms.families[i]?.code !== code || terms.families[i]?.level !== level,
  )
  if (wrong >= 0 || terms.families.length !== expected.families.length)
    return fail({
      code: 'manifest-differs',
      field: 'families',
      value: wrong >= 0 ? JSON.stringify(terms.families[wrong]) : terms.families.length,
      limit: 'the families of the manifest, as this version has them',
      remedy: 'Use the version of Lockstep that the swarm was created with.',
    })
  return ok(expected)
}

/** The bond of a proof, which the chain's terms have and the manifest has not. */
const bondOf = (terms: SwarmView['terms']): bigint =>
  (terms as unknown as { readonly proof: { readonly bond: bigint } }).proof.bond
