import { DEFAULT_TRAIN, type TrainConfig } from '@lockstep/models'
import {
  type Asked,
  characterCoding,
  createGenerator,
  createReader,
  createVerdictTrainer,
  draws,
  families,
  familyTable,
  type Generator,
  heldOutSeeds,
  ownTasks,
  PURPOSE,
  type Reading,
  type SwarmTask,
  scoredGroup,
  verdictLessons,
} from '@lockstep/swarm'
import type { Executor, Tensor } from '@lockstep/tensor'
import type { Regime } from './setting.ts'

/** What is behind the judges when they meet the held-out tasks: all on the training side, with known scores. */
export type Behind = {
  readonly rounds: number // of everybody's own groups, whose answers verdicts are learned from
  readonly games: number // tasks that all have answered and judged: for scales, trust and the weights of votes
  readonly heldOut: number // tasks of each kind that are measured
  readonly rows: number // lines that a judge learns from
  readonly train: Pick<TrainConfig, 'batch' | 'steps' | 'warmup' | 'rate'>
}

/** A task that all seats have answered, and what each seat's models read of each different answer. */
export type JudgedTask = {
  readonly texts: readonly string[] // different answers, in the order of seats, then different revisions
  readonly right: readonly boolean[] // of each text
  readonly bySeat: readonly number[] // the place of each seat's answer among the texts
  readonly revisions: readonly number[] // the place of what each seat's model writes at temperature 0
  readonly readings: readonly (readonly (Reading | null)[])[] // by seat, of each text
}

export type Judged = {
  readonly seed: number
  readonly earlier: readonly JudgedTask[]
  readonly now: readonly JudgedTask[] // held-out
  readonly lines: number // different answers that verdicts were learned from
  readonly right: number // part of right ones among all that was shared
  readonly seconds: { readonly answering: number; readonly learning: number; readonly reading: number }
}

const table = familyTable(families)
const promptOf = ({ family, seed, level }: SwarmTask): string => table.get(family)!.play(seed, level).prompt
/** Rounds whose tasks no run of the sweep has learned from. */
const LATER = 100_000

/**
 * One game: participants with these parameters share groups of their own on training tasks and learn verdicts from all of
 * them, answer and judge tasks of earlier rounds, then held-out ones. Participants that have the same parameters are one
 * judge, as they have read the same.
 */
export const judgeAll = async (
  executor: Executor,
  regime: Omit<Regime, 'rounds' | 'every'>,
  behind: Behind,
  policies: readonly (readonly Tensor[])[],
  seed: number,
): Promise<Judged> => {
  const { model, prompt, answer, kinds, groupSize } = regime
  const [begun, coding] = [performance.now(), characterCoding]
  const shape = { batch: 64, prompt, answer, temperature: 1 }
  const sampling = await createGenerator(executor, model, policies[0]!, coding, shape)
  const certain = await createGenerator(executor, model, policies[0]!, coding, { ...shape, temperature: 0 })
  const drawn = draws(seed, PURPOSE.evaluation, LATER)
  const answersOf = async (by: Generator, tasks: readonly SwarmTask[]): Promise<string[][]> => {
    const written: string[][] = []
    for (const policy of policies)
      written.push((await by.complete(policy, tasks.map(promptOf), drawn.word())).map(({ text }) => text))
    return written
  }
  const isRight = ({ family, seed: at, level }: SwarmTask, text: string): boolean =>
    table.get(family)!.run(at, level, text).score === 100

  const groups = []
  for (let round = 0; round < behind.rounds; round++)
    for (const [member, policy] of policies.entries()) {
      const tasks = ownTasks(table, kinds, { seed, round: LATER + round, member, count: regime.groups })
      const prompts = tasks.flatMap((task) => new Array<string>(groupSize).fill(promptOf(task)))
      const written = await sampling.complete(policy, prompts, drawn.word())
      groups.push(
        ...tasks.map((task, g) =>
          scoredGroup(table.get(task.family)!, task, written.slice(g * groupSize, (g + 1) * groupSize)),
        ),
      )
    }
  const before = ownTasks(table, kinds, { seed, round: 2 * LATER, member: 0, count: behind.games })
  const heldOut = kinds.flatMap(({ family, level }) =>
    heldOutSeeds(table.get(family)!, level, behind.heldOut).map((at) => ({ family, level, seed: at })),
  )
  type Written = {
    readonly tasks: readonly SwarmTask[]
    readonly bySeat: readonly string[][]
    readonly revised: readonly string[][]
  }
  const all = [before, heldOut]
  const [first, revised]: [string[][][], string[][][]] = [[], []]
  for (const tasks of all) first.push(await answersOf(sampling, tasks))
  for (const tasks of all) revised.push(await answersOf(certain, tasks))
  const written = all.map((tasks, i): Written => ({ tasks, bySeat: first[i]!, revised: revised[i]! }))
  sampling.close()
  certain.close()
  const answered = performance.now()

  const plan = { model, coding, prompt, answer, train: { ...DEFAULT_TRAIN, decay: 0, ...behind.train } }
  const lessons = verdictLessons(plan, groups)
  const trainer = await createVerdictTrainer(executor, plan, behind.rows)
  const judges = new Map<readonly Tensor[], readonly Tensor[]>()
  for (const policy of new Set(policies))
    judges.set(policy, (await trainer.train(policy, lessons, seed)).parameters)
  trainer.close()
  const learned = performance.now()

  const reader = await createReader(executor, plan)
  const judged = async ({ tasks, bySeat, revised }: Written): Promise<JudgedTask[]> => {
    const texts = tasks.map((_, t) => [...new Set([...bySeat, ...revised].map((of) => of[t]!))])
    const asked = texts.flatMap((some, t): Asked[] =>
      some.map((text) => ({ prompt: promptOf(tasks[t]!), answer: text })),
    )
    const read = new Map<readonly Tensor[], (Reading | undefined)[]>()
    for (const [policy, verdicts] of judges) read.set(policy, await reader.read(policy, verdicts, asked))
    let from = 0
    return tasks.map((task, t) => {
      const some = texts[t]!
      const at = from
      from += some.length
      return {
        texts: some,
        right: some.map((text) => isRight(task, text)),
        bySeat: bySeat.map((of) => some.indexOf(of[t]!)),
        revisions: revised.map((of) => some.indexOf(of[t]!)),
        readings: policies.map((policy) => some.map((_, i) => read.get(policy)![at + i] ?? null)),
      }
    })
  }
  const result = { earlier: await judged(written[0]!), now: await judged(written[1]!) }
  reader.close()
  const shared = groups.flatMap(({ rollouts }) => rollouts)
  return {
    ...{ seed, ...result, lines: new Set(lessons).size },
    right: shared.filter(({ score }) => score === 100).length / shared.length,
    seconds: {
      answering: (answered - begun) / 1000,
      learning: (learned - answered) / 1000,
      reading: (performance.now() - learned) / 1000,
    },
  }
}
