import { type Hex, rootOf, tensorsTree, toHex } from '@lockstep/proof'
import type { Executor, Tensor } from '@lockstep/tensor'
import { draws, PURPOSE } from '../learn/draws.ts'
import { type Completion, createGenerator, type Generator } from '../learn/generate.ts'
import { type Group, meanReward, onlyRight, type SwarmTask, scoredGroup, spread } from '../learn/group.ts'
import { lessonsOf, ofOthers } from '../learn/lesson.ts'
import { refill } from '../learn/refill.ts'
import { choose } from '../learn/select.ts'
import { createUpdater, parametersIn, stateFrom, type Updater } from '../learn/update.ts'
import { type Arrived, arrive, EMPTY_POOL } from '../share/arrival.ts'
import { type OwnTask, ownTasks } from '../share/own-tasks.ts'
import { encodeSharedGroup } from '../share/shared-group.ts'
import { heldOutSeeds } from '../tasks/split.ts'
import type { Build, LocalPlan } from './plan.ts'

/** Where a swarm stands between rounds: all that must be kept to go on. */
export type LocalState = {
  readonly round: number
  readonly members: readonly (readonly Tensor[])[] // each participant's training state
}

/** What a round came to, for each participant in turn. */
export type RoundReport = {
  readonly round: number
  readonly reward: readonly number[] // mean of its own answers
  readonly useful: readonly number[] // of the groups it generated, those that teach something
  readonly written: readonly number[] // groups it generated
  readonly learned: readonly number[] // groups it learned from
  readonly tokens: readonly number[] // that it generated
  readonly bytes: readonly number[] // that it shared
  readonly nats: readonly number[] // of the tokens it learned from, before it did
  readonly loss: readonly number[]
  readonly refused: number // messages that no honest participant took
}

export type LocalSwarm = {
  readonly first: () => LocalState
  readonly round: (state: LocalState) => Promise<{ readonly state: LocalState; readonly report: RoundReport }>
  /** The mean reward of a participant on held-out tasks, for each kind of task. */
  readonly evaluate: (state: LocalState, member: number) => Promise<number[]>
  readonly close: () => void
}

/** What an outsider, or a participant that is not honest, puts on the wire in a round, and under which account. */
export type Intruder = (
  round: number,
  honest: readonly { readonly sender: Hex; readonly bytes: Uint8Array }[],
) => readonly { readonly sender: Hex; readonly bytes: Uint8Array }[]

type Machine = { readonly generator: Generator; readonly judge: Generator; readonly updater: Updater }
type Own = { readonly group: Group; readonly completions: readonly Completion[] }

/** The account of a participant of a local swarm. */
export const accountOf = (member: number): Hex => `0x${(member + 1).toString(16).padStart(40, '0')}`

/**
 * A swarm of participants that take turns on one executor. Every kind of participant has its programs compiled once;
 * states are swapped in. A round: everybody answers its own tasks, shares the groups as messages, takes in the others',
 * and learns from at most `local` groups of its own and `external` of the pool. All of it follows from the plan.
 */
export const localSwarm = async (
  executor: Executor,
  plan: LocalPlan,
  intruder: Intruder = () => [],
): Promise<LocalSwarm> => {
  const { seed, families, kinds, groupSize } = plan
  const machines: Machine[] = []
  for (const build of plan.builds) machines.push(await machineOf(executor, plan, build))
  const buildOf = (member: number): Build => plan.builds[plan.members[member]!]!
  const machineFor = (member: number): Machine => machines[plan.members[member]!]!
  const members = plan.members.map((_, member) => member)
  const rewarded = (group: Group): Group => (plan.reward === 'right' ? onlyRight(group) : group)
  const accounts = new Map(members.map((member) => [accountOf(member), member]))
  const rewardedOwn = (one: Own): Own => ({ ...one, group: rewarded(one.group) })
  const heldOut = kinds.map(({ family, level }) =>
    heldOutSeeds(families.get(family)!, level, plan.heldOut).map((at) => ({ family, level, seed: at })),
  )

  const rule = { groups: plan.groups, budget: plan.budget ?? plan.groups, wanted: plan.local }
  const tasksOf = (member: number, round: number): OwnTask[] =>
    ownTasks(families, kinds, { seed, round, member, count: Math.max(rule.groups, rule.budget) })
  const isUseful = ({ group }: Own): boolean => spread(rewarded(group)) > 0

  const answer = async (member: number, round: number, state: readonly Tensor[]): Promise<Own[]> => {
    const tasks = tasksOf(member, round)
    const { generator } = machineFor(member)
    const drawn = draws(seed, PURPOSE.generation, round, member)
    const own: Own[] = []
    for (;;) {
      const next = tasks.slice(own.length, own.length + refill(rule, own.length, own.filter(isUseful).length))
      if (next.length === 0) return own
      const written = await generator.complete(
        parametersIn(buildOf(member).model, state),
        next.flatMap((task) => new Array<string>(groupSize).fill(promptOf(plan, task))),
        drawn.word(),
      )
      for (const [g, task] of next.entries()) {
        const completions = written.slice(g * groupSize, (g + 1) * groupSize)
        own.push({ completions, group: scoredGroup(families.get(task.family)!, task, completions) })
      }
    }
  }

  return {
    first: () => ({
      round: 0,
      members: members.map((member) => {
        const { model, train, start } = buildOf(member)
        return stateFrom(model, train, start, draws(seed, PURPOSE.choice, 0xffffffff, member).word())
      }),
    }),

    round: async ({ round, members: states }) => {
      const own: Own[][] = []
      for (const member of members) own.push(await answer(member, round, states[member]!))
      const honest = members.flatMap((member) => {
        const parameters = parametersIn(buildOf(member).model, states[member]!)
        const modelRoot = toHex(rootOf(tensorsTree(parameters)))
        const participant = accountOf(member)
        return own[member]!.map(({ group: { task, rollouts } }) => ({
          sender: participant,
          bytes: encodeSharedGroup({ participant, modelRoot, round, task, rollouts }),
        }))
      })
      const everybody = members.length + (plan.strangers ?? 0)
      const tasks = new Map(
        Array.from({ length: everybody }, (_, member) => [accountOf(member), tasksOf(member, round)]),
      )
      let pool = EMPTY_POOL
      let refused = 0
      for (const { sender, bytes } of [...honest, ...intruder(round, honest)]) {
        const arrival = arrive(pool, bytes, sender, {
          round,
          families,
          kinds,
          groupSize,
          tasksOf: (account) => tasks.get(account),
        })
        pool = arrival.pool
        if (!arrival.verdict.ok) refused++
      }
      const next: (readonly Tensor[])[] = []
      const [learned, nats, loss]: [number[], number[], number[]] = [[], [], []]
      for (const member of members) {
        const { coding, prompt, answer: most } = buildOf(member)
        const drawn = draws(seed, PURPOSE.choice, round, member)
        const mine = choose(own[member]!.map(rewardedOwn), plan.local, plan.choosing, drawn)
        const others = pool.groups
          .filter(({ participant }) => accounts.get(participant) !== member)
          .map((one) => ({ ...one, group: rewarded(one.group) }))
        const theirs: Arrived[] = choose(others, plan.external, plan.fromOthers ?? plan.choosing, drawn)
        const limits = { prompt, answer: most }
        const lessons = [
          ...mine.flatMap(({ group, completions }) => lessonsOf(group, coding, limits, completions)),
          ...theirs.flatMap(({ group }) =>
            ofOthers(lessonsOf(group, coding, limits), plan.others ?? 'whole'),
          ),
        ]
        learned.push(mine.length + theirs.length)
        // Without anything to learn a step would only follow old momentum.
        const updated = lessons.some(({ advantage }) => advantage !== 0)
          ? await machineFor(member).updater.update(states[member]!, lessons)
          : { state: states[member]!, nats: 0, loss: 0 }
        next.push(updated.state)
        nats.push(updated.nats)
        loss.push(updated.loss)
      }
      const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
      return {
        state: { round: round + 1, members: next },
        report: {
          round,
          reward: own.map(
            (groups) => sum(groups.map(({ group }) => meanReward(rewarded(group)))) / groups.length,
          ),
          useful: own.map((groups) => groups.filter(isUseful).length),
          written: own.map((groups) => groups.length),
          tokens: own.map((groups) =>
            sum(groups.flatMap(({ completions }) => completions.map((c) => c.tokens.length))),
          ),
          bytes: members.map((member) =>
            sum(honest.flatMap(({ sender, bytes }) => (sender === accountOf(member) ? [bytes.length] : []))),
          ),
          learned,
          nats,
          loss,
          refused,
        },
      }
    },

    evaluate: async ({ members: states }, member) => {
      const parameters = parametersIn(buildOf(member).model, states[member]!)
      const tasks = heldOut.flat()
      const prompts = tasks.map((task) => promptOf(plan, task))
      const written = await machineFor(member).judge.complete(
        parameters,
        prompts,
        draws(seed, PURPOSE.evaluation, member).word(),
      )
      const scores = tasks.map(
        (task, i) =>
          rewarded(scoredGroup(families.get(task.family)!, task, [written[i]!])).rollouts[0]!.score,
      )
      return heldOut.map((some, k) => {
        const from = heldOut.slice(0, k).reduce((n, before) => n + before.length, 0)
        const theirs = scores.slice(from, from + some.length)
        return theirs.reduce((a, b) => a + b, 0) / theirs.length / 100
      })
    },

    close: () => {
      for (const { generator, judge, updater } of machines) {
        generator.close()
        if (judge !== generator) judge.close()
        updater.close()
      }
    },
  }
}

const promptOf = ({ families }: LocalPlan, { family, seed, level }: SwarmTask): string =>
  families.get(family)!.play(seed, level).prompt

const machineOf = async (executor: Executor, plan: LocalPlan, build: Build): Promise<Machine> => {
  const { model, coding, prompt, answer, train, start } = build
  const shape = { batch: BATCH, prompt, answer, temperature: plan.temperature }
  const generator = await createGenerator(executor, model, start, coding, shape)
  const rows = (plan.local + plan.external) * plan.groupSize
  const length = prompt + answer
  const updater = await createUpdater(executor, {
    ...{ model, train, rows, length, epochs: plan.epochs, policy: plan.policy },
  })
  return { generator, judge: generator, updater }
}

/** Texts that are generated side by side. */
const BATCH = 64
