import type { Hex } from '@lockstep/proof'
import { type Executor, ok, type Result, type Tensor } from '@lockstep/tensor'
import { encodeDocument } from './document.ts'
import type { BaseLineage } from './lineage.ts'
import { mergeUpdates } from './merge-updates.ts'
import { bytesHash } from './parameters.ts'
import { learnFrom, type PreparedTraining, tensorsRoot } from './training.ts'
import { decodeUpdate, type UpdateMessage } from './update-message.ts'

/** What comes out when a shared update is run again: whether it is what its receipt says, to the bit. */
export const runAgain = async (
  executor: Executor,
  training: PreparedTraining,
  base: readonly Tensor[],
  { receipt, episodes }: Pick<UpdateMessage, 'receipt' | 'episodes'>,
): Promise<Result<{ readonly differs: readonly string[] }>> => {
  const inputs = await training.inputsOf(base, episodes)
  if (!inputs.ok) return inputs
  const again = (await learnFrom(executor, training, base, inputs.value)).receipt
  const parts = ['program', 'steps', 'before', 'after', 'inputs', 'outputs'] as const
  return ok({ differs: parts.filter((part) => textOf(again[part]) !== textOf(receipt[part])) })
}

const textOf = (value: unknown): string => new TextDecoder().decode(encodeDocument(value))

export type BaseFinding = {
  /** Fields of the lineage that are not what comes out; none, where all that could be checked is so. */
  readonly differs: readonly string[]
  /** Participants whose learning was run again here. */
  readonly reExecuted: readonly Hex[]
  /** Participants whose learning nobody but they can run again. */
  readonly private: readonly Hex[]
  /** Participants whose updates were not handed in: then the mean could not be computed again. */
  readonly missing: readonly Hex[]
}

/**
 * Makes a base again as its lineage says, from what is at hand: the parent, the updates as they were sent and the base as
 * it was published. Shared updates are learned again, which proves them; of private ones only the receipt's form, the
 * bound and the mean are proved.
 */
export const checkBase = async (
  executor: Executor,
  training: PreparedTraining,
  lineage: BaseLineage,
  evidence: {
    readonly parent: readonly Tensor[]
    readonly updates: readonly (Uint8Array | undefined)[] // in the order of the members
    readonly result: readonly Tensor[]
  },
): Promise<BaseFinding> => {
  const { parent, updates, result } = evidence
  const differs: string[] = []
  const compare = (field: string, says: unknown, found: unknown): void => {
    if (textOf(says) !== textOf(found)) differs.push(field)
  }
  compare('training.program', lineage.training.program, training.id)
  compare('training.steps', lineage.training.steps, training.steps)
  compare('parent.root', lineage.parent.root, tensorsRoot(parent))
  compare('result', lineage.result, tensorsRoot(result))
  const [reExecuted, closed, missing]: Hex[][] = [[], [], []]
  const given: UpdateMessage[] = []
  for (const [m, member] of lineage.members.entries()) {
    const at = `members[${m}]`
    const bytes = updates[m]
    if (bytes === undefined) {
      missing!.push(member.participant)
      continue
    }
    compare(`${at}.update`, member.update, bytesHash(bytes))
    const read = decodeUpdate(bytes, training.parameters)
    if (!read.ok) {
      differs.push(`${at}.update`)
      continue
    }
    given.push(read.value)
    compare(`${at}.participant`, member.participant, read.value.participant)
    compare(`${at}.share`, member.share, read.value.share)
    compare(`${at}.parameters`, member.parameters, tensorsRoot(read.value.parameters))
    compare(`${at}.parameters`, member.parameters, read.value.receipt.after.parameters)
    if (read.value.share === 'update') {
      compare(`${at}.checked`, member.checked, 'private')
      closed!.push(member.participant)
    }
  }
  // What is not what it says is not computed with.
  if (differs.length > 0 || missing!.length > 0)
    return { differs, reExecuted: reExecuted!, private: closed!, missing: missing! }
  for (const [m, message] of given.entries()) {
    if (message.share === 'update') continue
    const found = await runAgain(executor, training, parent, message)
    if (found.ok && found.value.differs.length === 0) reExecuted!.push(message.participant)
    else differs.push(`members[${m}].checked`)
  }
  const { norm, average, members } = lineage
  const all = given.map(({ parameters }) => parameters)
  const again = await mergeUpdates(executor, training.parameters, parent, all, norm.most)
  compare('norm.bound', norm.bound, again.bound)
  for (const [m, { norm: said, clip }] of members.entries()) {
    compare(`members[${m}].norm`, said, again.norms[m])
    compare(`members[${m}].clip`, clip, again.clips[m])
  }
  compare('average', average, again.average)
  compare('result', lineage.result, tensorsRoot(again.parameters))
  return { differs, reExecuted: reExecuted!, private: closed!, missing: missing! }
}
