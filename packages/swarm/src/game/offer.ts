import { type Hex, initialItem, type ProgramHeader, toHex } from '@lockstep/proof'
import { STEPS } from '../machine/instruction.ts'
import { wordStart } from '../machine/step-program.ts'
import type { Family } from '../tasks/family.ts'
import { familyRoot, SCORE_SEGMENT, scoreProgram } from '../tasks/score-task.ts'

/** What of a swarm's terms decides how scores are computed; see SwarmTerms in ISwarms.sol. */
export type Offer = {
  readonly families: readonly { readonly code: Hex; readonly level: number }[]
  readonly proof: {
    readonly header: ProgramHeader
    readonly initialItem: Hex
    readonly steps: number
    readonly segmentLength: number
  }
}

/** The part of the terms that every honest swarm has alike: scores are runs of the word machine. */
export const scoreTerms = (): Offer['proof'] => ({
  header: scoreProgram().header,
  initialItem: toHex(initialItem(wordStart())),
  steps: STEPS,
  segmentLength: SCORE_SEGMENT,
})

/** Families at their levels, as terms name them. */
export const offeredFamilies = (
  chosen: readonly { readonly family: Family; readonly level: number }[],
): Offer['families'] => chosen.map(({ family, level }) => ({ code: toHex(familyRoot(family)), level }))

export type OfferFault = { readonly field: string; readonly value: string | number; readonly limit: string }

/**
 * The families of an offer, in its order; or why nobody should join: with another program, or with a family that one does
 * not have, the creator could make true scores come out false, and take the stakes of those who claim them.
 */
export const readOffer = (
  { families, proof }: Offer,
  known: readonly Family[],
):
  | { readonly ok: true; readonly families: readonly { readonly family: Family; readonly level: number }[] }
  | { readonly ok: false; readonly fault: OfferFault } => {
  const refuse = (field: string, value: string | number, limit: string) =>
    ({ ok: false, fault: { field, value, limit } }) as const
  const right = scoreTerms()
  for (const [field, value] of Object.entries(right.header)) {
    const found = proof.header[field as keyof ProgramHeader]
    const [a, b] = [shown(found), shown(value)]
    if (a !== b) return refuse(`proof.header.${field}`, a, b)
  }
  for (const field of ['initialItem', 'steps', 'segmentLength'] as const)
    if (`${proof[field]}`.toLowerCase() !== `${right[field]}`)
      return refuse(`proof.${field}`, proof[field], `${right[field]}`)
  const roots = new Map(known.map((family) => [toHex(familyRoot(family)), family]))
  const found: { readonly family: Family; readonly level: number }[] = []
  for (const [i, { code, level }] of families.entries()) {
    const family = roots.get(code.toLowerCase() as Hex)
    if (family === undefined) return refuse(`families.${i}.code`, code, 'a family that this software has')
    if (!(Number.isInteger(level) && level >= 1 && level <= family.levels))
      return refuse(`families.${i}.level`, level, `1 to ${family.levels}`)
    found.push({ family, level })
  }
  return found.length === 0 ? refuse('families', 0, 'at least one') : { ok: true, families: found }
}

const shown = (value: number | Uint8Array | undefined): string =>
  value instanceof Uint8Array ? toHex(value) : `${value}`
