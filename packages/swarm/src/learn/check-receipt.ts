import {
  type CommittedProgram,
  digestOf,
  type Hex,
  rootOf,
  type Task,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import { fail, ok, type Result, type Tensor } from '@lockstep/tensor'
import { decodeSharedGroup } from '../share/shared-group.ts'
import type { Coding } from './coding.ts'
import type { Completion } from './generate.ts'
import { type Families, type Group, scoredGroup } from './group.ts'
import { type Lesson, lessonsOf, type OthersAnswers, ofOthers } from './lesson.ts'
import { groupDigest, INPUT_NAMES, type ModelRoots, type UpdateReceipt } from './receipt.ts'
import {
  parametersIn,
  type Update,
  type UpdatePlan,
  type Updater,
  updateSteps,
  updateTask,
} from './update.ts'

/** An update as its participant tells it. */
export type ReceiptOf = {
  readonly participant: Hex
  readonly swarm: number
  readonly round: number
  readonly plan: UpdatePlan
  readonly committed: Pick<CommittedProgram, 'id'>
  readonly before: readonly Tensor[]
  readonly update: Pick<Update, 'state' | 'inputs' | 'outputs'>
  /** Encodings of the shared groups, in the order in which it learned from them. */
  readonly messages: readonly Uint8Array[]
}

/** The receipt of an update. */
export const receiptOf = (told: ReceiptOf): UpdateReceipt => {
  const { participant, swarm, round, plan, committed, before, update, messages } = told
  return {
    ...{ participant, swarm, round, program: toHex(committed.id), steps: updateSteps(plan) },
    ...{ before: modelRoots(plan, before), after: modelRoots(plan, update.state) },
    outputs: toHex(rootOf(tensorsTree(update.outputs))),
    inputs: update.inputs.map((tensor) => toHex(digestOf(tensor))),
    groups: messages.map(groupDigest),
  }
}

const modelRoots = ({ model }: UpdatePlan, state: readonly Tensor[]): ModelRoots => ({
  state: toHex(rootOf(tensorsTree(state))),
  parameters: toHex(rootOf(tensorsTree(parametersIn(model, state)))),
})

/** An update as one segment, which is what a receipt's claim is about. */
export const receiptTask = (
  committed: CommittedProgram,
  plan: UpdatePlan,
  before: readonly Tensor[],
  inputs: readonly Tensor[],
): Task => ({ ...updateTask(committed, plan, before, inputs), segmentLength: updateSteps(plan) })

/** All that a receipt names, as an onlooker got hold of it. */
export type ReceiptEvidence = {
  readonly families: Families
  readonly coding: Coding
  readonly lengths: { readonly prompt: number; readonly answer: number }
  /** The training state before the update. */
  readonly before: readonly Tensor[]
  /** The shared groups, in any order: those that the receipt does not name are left aside. */
  readonly groups: readonly LearnedGroup[]
  /** What becomes of a group's scores before they are learned from; as they are, where it is left out. */
  readonly rewarded?: (group: Group) => Group
  /** What of groups of others is learned; `whole`, where it is left out. */
  readonly others?: OthersAnswers
}

export type LearnedGroup = {
  readonly message: Uint8Array
  /** The tokens as they were written, of groups that the participant wrote itself: it learns those. */
  readonly written?: readonly Pick<Completion, 'tokens'>[]
}

/** What of a receipt is not so, the cause before what follows from it. Inputs are named as INPUT_NAMES. */
export type ReceiptPart =
  | 'program'
  | 'steps'
  | 'before.parameters'
  | `inputs.${(typeof INPUT_NAMES)[number]}`
  | 'inputs'
  | 'outputs'
  | 'after.state'
  | 'after.parameters'

export type ReceiptFinding = {
  readonly differs: readonly ReceiptPart[]
  /** What the receipt should have said, and the update that it would have been about. */
  readonly receipt: UpdateReceipt
  readonly update: Update
}

/**
 * Runs an update again from what it says it began with, and compares. Prompts and scores are the families', tokens and
 * advantages are computed from the texts, `old` by the policy as it was. A fault says which evidence is missing: then
 * nothing is known of the receipt.
 * @param committed Of the program of the updater's plan
 */
export const checkReceipt = async (
  receipt: UpdateReceipt,
  evidence: ReceiptEvidence,
  updater: Pick<Updater, 'plan' | 'update'>,
  committed: Pick<CommittedProgram, 'id'>,
): Promise<Result<ReceiptFinding>> => {
  const { plan } = updater
  const { before } = evidence
  const state = toHex(rootOf(tensorsTree(before)))
  if (state !== receipt.before.state) return missing('before.state', state, receipt.before.state)
  const lessons = lessonsIn(receipt, evidence)
  if (!lessons.ok) return lessons
  const { messages } = lessons.value
  if (lessons.value.lessons.length > plan.rows)
    return missing('groups', `${lessons.value.lessons.length} answers`, `at most ${plan.rows}`)
  const update = await updater.update(before, lessons.value.lessons)
  const { participant, swarm, round } = receipt
  const own = receiptOf({ ...{ participant, swarm, round, plan, committed, before, update, messages } })
  return ok({ differs: differences(receipt, own), receipt: own, update })
}

const differences = (said: UpdateReceipt, own: UpdateReceipt): ReceiptPart[] => {
  const inputs = own.inputs.flatMap((digest, i): ReceiptPart[] =>
    said.inputs[i] === digest ? [] : [`inputs.${INPUT_NAMES[i]!}`],
  )
  const parts: readonly (readonly [ReceiptPart, boolean])[] = [
    ['program', said.program === own.program],
    ['steps', said.steps === own.steps],
    ['before.parameters', said.before.parameters === own.before.parameters],
    ...inputs.map((part) => [part, false] as const),
    ['inputs', said.inputs.length === own.inputs.length],
    ['outputs', said.outputs === own.outputs],
    ['after.state', said.after.state === own.after.state],
    ['after.parameters', said.after.parameters === own.after.parameters],
  ]
  return parts.flatMap(([part, isSame]) => (isSame ? [] : [part]))
}

/** The lessons of the groups that a receipt names, in its order. */
const lessonsIn = (
  { groups: named, participant }: UpdateReceipt,
  { families, coding, lengths, groups, rewarded = (group) => group, others = 'whole' }: ReceiptEvidence,
): Result<{ readonly lessons: readonly Lesson[]; readonly messages: readonly Uint8Array[] }> => {
  const byDigest = new Map(groups.map((one) => [groupDigest(one.message), one]))
  const lessons: Lesson[] = []
  const messages: Uint8Array[] = []
  for (const [at, digest] of named.entries()) {
    const found = byDigest.get(digest)
    if (found === undefined) return missing(`groups[${at}]`, 'not there', digest)
    const decoded = decodeSharedGroup(found.message)
    if (!decoded.ok) return decoded
    const { participant: author, task, rollouts } = decoded.value
    const family = families.get(task.family)
    if (family === undefined)
      return missing(`groups[${at}].task.family`, task.family, [...families.keys()].join(', '))
    const group = rewarded(scoredGroup(family, task, rollouts))
    const all = lessonsOf(group, coding, lengths, found.written)
    lessons.push(...(author === participant ? all : ofOthers(all, others)))
    messages.push(found.message)
  }
  return ok({ lessons, messages })
}

const missing = (field: string, value: string, limit: string): Result<never> =>
  fail({
    code: 'receipt-evidence-missing',
    ...{ field, value, limit },
    remedy:
      'Get the state and the groups that the receipt names; without them it can neither be believed nor refuted.',
  })
