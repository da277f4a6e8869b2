import type { Hex } from '@lockstep/proof'
import { fail, ok, type Result } from '@lockstep/tensor'
import { type Families, type Group, type SwarmTask, scoredGroup } from '../learn/group.ts'
import { isOn } from '../tasks/split.ts'
import { type OwnTask, ownTaskOf, type TaskKind } from './own-tasks.ts'
import { decodeSharedGroup, type SharedGroup } from './shared-group.ts'

/** What a receiver knows of a round: who may share, which tasks are whose, and how much is read of each. */
export type ArrivalRules = {
  readonly round: number
  readonly families: Families
  /** What tasks are drawn from: a task of one's own may be at any level of its kind. */
  readonly kinds: readonly TaskKind[]
  /** The tasks of a participant's round; undefined where nobody of that account takes part. */
  readonly tasksOf: (participant: Hex) => readonly OwnTask[] | undefined
  readonly groupSize: number // answers of a group
}

/** A round's pool: what was accepted so far, and what is remembered to refuse more. It is replaced, never changed. */
export type Pool = {
  readonly groups: readonly Arrived[]
  /** Messages of each participant, accepted or not. */
  readonly messages: ReadonlyMap<Hex, number>
  /** Answers of every group that was accepted, by task: each as a sorted list. */
  readonly answers: ReadonlyMap<string, readonly Written[]>
}
export type Arrived = {
  readonly participant: Hex
  readonly modelRoot: Hex
  readonly group: Group
  /** Which of the participant's own tasks it answers. */
  readonly place: number
}
type Written = { readonly participant: Hex; readonly texts: readonly string[] }

export const EMPTY_POOL: Pool = { groups: [], messages: new Map(), answers: new Map() }

/** Of answers that were not all the same, this part shared with an earlier group of the task is a copy. */
const COPIED = 0.9

export type Arrival = { readonly pool: Pool; readonly verdict: Result<Arrived> }

/**
 * Takes a message into a round's pool, or says why not. A fault is the sender's: malformed bytes, a round or task that is
 * not its own, a held-out task, more messages than it has tasks, scores that its family does not give, or answers
 * that were copied from another group or sent before. Rewards in the pool are the receiver's own computation.
 */
export const arrive = (pool: Pool, bytes: Uint8Array, sender: Hex, rules: ArrivalRules): Arrival => {
  const own = rules.tasksOf(sender)
  const messages = (pool.messages.get(sender) ?? 0) + 1
  if (own === undefined) return { pool, verdict: refuse('participant', sender, 'an account of this swarm') }
  // A flood is counted before anything of it is read, so that it costs a look-up each.
  if (messages > own.length) return { pool, verdict: refuse('messages', messages, `${own.length} a round`) }
  const counted = { ...pool, messages: new Map(pool.messages).set(sender, messages) }
  const decoded = decodeSharedGroup(bytes)
  if (!decoded.ok) return { pool: counted, verdict: decoded }
  const checked = check(pool, decoded.value, sender, own, rules)
  if (!checked.ok) return { pool: counted, verdict: checked }
  const { participant, task } = { ...decoded.value, participant: sender }
  const key = keyOf(task)
  const texts = textsOf(decoded.value)
  return {
    verdict: checked,
    pool: {
      ...counted,
      groups: [...pool.groups, checked.value],
      answers: new Map(pool.answers).set(key, [...(pool.answers.get(key) ?? []), { participant, texts }]),
    },
  }
}

const check = (
  pool: Pool,
  shared: SharedGroup,
  sender: Hex,
  own: readonly OwnTask[],
  { round, families, kinds, groupSize }: ArrivalRules,
): Result<Arrived> => {
  const { task, rollouts } = shared
  if (shared.participant !== sender) return refuse('participant', shared.participant, sender)
  if (shared.round !== round) return refuse('round', shared.round, round)
  if (rollouts.length !== groupSize) return refuse('rollouts', rollouts.length, groupSize)
  const family = families.get(task.family)
  if (family === undefined) return refuse('task.family', task.family, [...families.keys()].join(', '))
  if (!isOn('train', family, task.seed, task.level))
    return refuse('task.seed', task.seed, 'a seed of the training side')
  const place = ownTaskOf(families, kinds, own, task)
  if (place < 0) return refuse('task.seed', task.seed, "a task of the participant's own in this round")
  // Whoever answers one task at every level shows only what came out best.
  if (pool.groups.some(({ participant, place: taken }) => participant === sender && taken === place))
    return refuse('task', keyOf(task), 'one group of each task')
  const earlier = pool.answers.get(keyOf(task)) ?? []
  const texts = textsOf(shared)
  const copied = earlier.find((written) => isCopy(texts, written.texts))
  if (copied !== undefined) return refuse('rollouts', `those of ${copied.participant}`, 'answers of its own')
  const group = scoredGroup(family, task, rollouts)
  const wrong = group.rollouts.findIndex(({ score }, i) => score !== rollouts[i]!.score)
  if (wrong >= 0)
    return refuse(`rollouts[${wrong}].score`, rollouts[wrong]!.score, group.rollouts[wrong]!.score)
  return ok({ participant: sender, modelRoot: shared.modelRoot, group, place })
}

const keyOf = ({ family, seed, level }: SwarmTask): string => `${family} ${level} ${seed}`
const textsOf = ({ rollouts }: SharedGroup): string[] => rollouts.map(({ text }) => text).sort()

/** Whether nearly all answers stand in an earlier group too, where they are not simply what everybody answers. */
const isCopy = (texts: readonly string[], earlier: readonly string[]): boolean => {
  if (new Set(texts).size === 1) return false
  const left = new Map<string, number>()
  for (const text of earlier) left.set(text, (left.get(text) ?? 0) + 1)
  let same = 0
  for (const text of texts) {
    const times = left.get(text) ?? 0
    if (times > 0) same++
    left.set(text, times - 1)
  }
  return same >= COPIED * texts.length
}

const refuse = (field: string, value: string | number, limit: string | number): Result<never> =>
  fail({
    code: 'shared-group-refused',
    field,
    value,
    limit,
    remedy: 'It is dropped; who shares such groups is scored down.',
  })
