import { type Executor, FaultError, type Tensor } from '@lockstep/tensor'
import type { Coding } from '../learn/coding.ts'
import type { Families } from '../learn/group.ts'
import type { UpdateReceipt } from '../learn/receipt.ts'
import type { Lineage } from './lineage.ts'
import { type LineageDifference, memberReceipts } from './member-receipts.ts'
import { codingDigest, makeMetaModel, parametersRoot } from './meta-model.ts'
import type { ResolvedAnswer } from './resolve.ts'

/** What a lineage speaks of and does not hold. */
export type LineageEvidence = {
  readonly families: Families
  readonly codings: readonly Coding[] // of its builds, in their order
  readonly members: readonly (readonly Tensor[])[] // parameters, in the order of its members
  readonly base?: readonly Tensor[] | undefined
  readonly answers?: readonly ResolvedAnswer[] | undefined
  /** Of members in their order, as far as they are known: all that the lineage names of a member, in order of rounds. */
  readonly receipts?: readonly (readonly UpdateReceipt[] | undefined)[] | undefined
  readonly result?: readonly Tensor[] | undefined // the meta-model as it was published
}

/**
 * Makes the meta-model again as its lineage says and measures it and every member again; names what differs. Nothing
 * differs exactly where the lineage is true. First whether the evidence is what the lineage speaks of: where it is not,
 * only that is named, and nothing is computed.
 */
export const checkLineage = async (
  executor: Executor,
  lineage: Lineage,
  evidence: LineageEvidence,
): Promise<readonly LineageDifference[]> => {
  const { families, codings, members, base, answers, receipts = [], result } = evidence
  const differences: LineageDifference[] = []
  const compare = (field: string, says: string | number | null, found: string | number | null): void => {
    if (says !== found) differences.push({ field, says: String(says), found: String(found) })
  }
  compare('members', lineage.members.length, members.length)
  compare('builds', lineage.builds.length, codings.length)
  for (const [m, { modelRoot }] of lineage.members.entries())
    if (members[m]) compare(`members[${m}].modelRoot`, modelRoot, parametersRoot(members[m]))
  for (const [b, { coding }] of lineage.builds.entries())
    if (codings[b]) compare(`builds[${b}].coding.digest`, coding.digest, codingDigest(codings[b]))
  if (lineage.baseRoot !== null)
    compare('baseRoot', lineage.baseRoot, base === undefined ? null : parametersRoot(base))
  if (result) compare('result.modelRoot', lineage.result.modelRoot, parametersRoot(result))
  differences.push(...memberReceipts(lineage, receipts))
  if (differences.length > 0) return differences
  try {
    const again = await makeMetaModel(executor, {
      ...{ swarm: lineage.swarm, families, measure: lineage.measure, method: lineage.method, base, answers },
      builds: lineage.builds.map((build, b) => ({ ...build, coding: codings[b]! })),
      members: lineage.members.map((one, m) => ({ ...one, parameters: members[m]! })),
    })
    return differencesOf('', lineage, again.lineage)
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    const { field, value, limit } = error.fault
    return [{ field, says: String(value), found: String(limit) }]
  }
}

/** Every place at which two documents of one schema differ. */
const differencesOf = (field: string, says: unknown, found: unknown): LineageDifference[] => {
  if (typeof says === 'object' && says !== null && typeof found === 'object' && found !== null) {
    const names = [...new Set([...Object.keys(says), ...Object.keys(found)])]
    const at = (of: object, name: string): unknown => (of as Record<string, unknown>)[name]
    return names.flatMap((name) =>
      differencesOf(field === '' ? name : `${field}.${name}`, at(says, name), at(found, name)),
    )
  }
  return says === found ? [] : [{ field, says: shown(says), found: shown(found) }]
}

const shown = (value: unknown): string =>
  value === undefined ? 'nothing' : typeof value === 'object' ? JSON.stringify(value) : String(value)
