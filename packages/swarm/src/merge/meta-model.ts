import { DEFAULT_TRAIN, examplesProgram, parameterCount, parametersOf, u32Tensor } from '@lockstep/models'
import {
  commitProgram,
  type Digest,
  type Hex,
  rootOf,
  sha256,
  type Task,
  taskFields,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import { type Executor, FaultError, type Program, type Tensor } from '@lockstep/tensor'
import type { Coding } from '../learn/coding.ts'
import { draws, PURPOSE } from '../learn/draws.ts'
import type { Families, SwarmTask } from '../learn/group.ts'
import { rowTensors } from '../learn/lesson.ts'
import { parametersIn, stateFrom } from '../learn/update.ts'
import { seedOn } from '../tasks/split.ts'
import { averageRowsProgram } from './average.ts'
import {
  createJudge,
  type Judge,
  type Measure,
  type MeasuredTasks,
  type MergeBuild,
  measuredTasks,
} from './judge.ts'
import type { Lineage, LineageMember, Made, Method, SwarmPlace } from './lineage.ts'
import { isFinite32, memberTable, parametersFromRow, rowOf } from './member-table.ts'
import { type ResolvedAnswer, resolveAnswers, rightAnswers, studentLessons } from './resolve.ts'
import { greedySoup } from './soup.ts'
import { tiesRowsProgram } from './ties.ts'

/** A member with its model. */
export type MetaMember = Pick<LineageMember, 'name' | 'build' | 'round' | 'receipts'> & {
  readonly parameters: readonly Tensor[]
}

/** All that a meta-model follows from. */
export type MetaPlan = {
  readonly swarm: SwarmPlace | null
  readonly families: Families
  readonly builds: readonly MergeBuild[]
  readonly members: readonly MetaMember[]
  readonly measure: Measure
  readonly method: Method
  /** Where members of the method's build began: for TIES, and for a student that begins there. */
  readonly base?: readonly Tensor[] | undefined
  /** Answers of the swarm's rounds, for a student that learns those. */
  readonly answers?: readonly ResolvedAnswer[] | undefined
}

export type MetaModel = {
  readonly parameters: Tensor[]
  readonly lineage: Lineage
  /** The merge, or the student's training: it can be claimed, audited and disputed like any task. */
  readonly task: Task
}

export const parametersRoot = (parameters: readonly Tensor[]): Hex => toHex(rootOf(tensorsTree(parameters)))

/** What tells codings of one name apart: a hash of what each token stands for. */
export const codingDigest = ({ vocab, end, decode }: Coding): Hex => {
  const texts = Array.from({ length: vocab }, (_, token) => (token === end ? '' : decode([token])))
  return toHex(sha256(new TextEncoder().encode(JSON.stringify([vocab, end, texts]))) as Digest)
}

/**
 * Makes the meta-model of a swarm, and says where it comes from: everything follows from the plan, bit for bit, on every
 * executor. Members are measured first; who cannot be merged (of another build, or with numbers that are not finite) is
 * left out. A FaultError names what of a plan cannot be done.
 */
export const makeMetaModel = async (executor: Executor, plan: MetaPlan): Promise<MetaModel> =>
  (await makeMetaModels(executor, plan, [plan.method]))[0]!

/** Several meta-models of the same members, which are measured once. */
export const makeMetaModels = async (
  executor: Executor,
  shared: Omit<MetaPlan, 'method'>,
  methods: readonly Method[],
): Promise<MetaModel[]> => {
  const { families, builds, members, measure } = shared
  const plans = methods.map((method): MetaPlan => ({ ...shared, method }))
  for (const plan of plans) checkPlan(plan)
  const fits = (prompt: string): boolean =>
    builds.every((build) => build.coding.encode(prompt).length < build.prompt)
  const tasks = measuredTasks(families, measure, fits)
  const judge = createJudge(executor, builds, families, measure)
  const pointsOf = async (build: number, parameters: readonly Tensor[]) => ({
    validation: await judge.points(build, parameters, tasks.validation),
    heldOut: await judge.points(build, parameters, tasks.heldOut),
  })
  try {
    const measured: LineageMember[] = []
    for (const { name, build, round, receipts, parameters } of members)
      measured.push({
        ...{ name, build, round, receipts, modelRoot: parametersRoot(parameters) },
        ...(isFinite32(parameters) ? await pointsOf(build, parameters) : { validation: 0, heldOut: 0 }),
      })
    const made: MetaModel[] = []
    for (const plan of plans) {
      const { method, base } = plan
      const found =
        method.kind === 'distil'
          ? await distilled(executor, plan, method, measured, judge, fits)
          : await merged(executor, plan, method, measured, judge, tasks)
      const { parameters, task } = found
      const lineage: Lineage = {
        format: 'lockstep-lineage-1',
        swarm: plan.swarm,
        builds: builds.map(({ model, coding, prompt, answer }) => ({
          ...{ model, prompt, answer, coding: { name: coding.name, digest: codingDigest(coding) } },
        })),
        measure,
        tasks: { validation: tasks.validation.length, heldOut: tasks.heldOut.length },
        baseRoot: needsBase(method) ? parametersRoot(base!) : null,
        members: measured,
        ...{ method, made: found.made, task: taskFields(task) },
        result: {
          modelRoot: parametersRoot(parameters),
          ...(await pointsOf(method.build, parameters)),
        },
      }
      made.push({ parameters, lineage, task })
    }
    return made
  } finally {
    judge.close()
  }
}

type Found = { readonly parameters: Tensor[]; readonly made: Made; readonly task: Task }

/** A merge of two steps: the second one's output says that nothing changes any more, so only the execution yields it. */
const MERGE_STEPS = 2

const merged = async (
  executor: Executor,
  { builds, members, base }: MetaPlan,
  method: Extract<Method, { kind: 'average' | 'ties' }>,
  measured: readonly LineageMember[],
  judge: Judge,
  tasks: MeasuredTasks,
): Promise<Found> => {
  const { model } = builds[method.build]!
  const numbers = parameterCount(parametersOf(model))
  // Whoever cannot be merged has a row of zeros, which nobody reads.
  const can = members.map(({ build, parameters }) => build === method.build && isFinite32(parameters))
  const blank = parametersFromRow(model, {
    ...{ dtype: 'f32', shape: [numbers], data: new Uint8Array(4 * numbers) },
  })
  const table = memberTable(
    model,
    members.map(({ parameters }, m) => (can[m] ? parameters : blank)),
  )
  if (!can.includes(true))
    throw unfit('members', 'none', `at least one of build ${method.build} whose numbers are finite`)
  const program: Program =
    method.kind === 'average'
      ? averageRowsProgram(members.length, numbers)
      : tiesRowsProgram(members.length, numbers, method)
  const initial: Tensor[] = [rowOf(blank)]
  const inputsOf = (weights: readonly number[]): Tensor[] => [
    table,
    u32Tensor([members.length], weights),
    ...(method.kind === 'ties' ? [rowOf(base!)] : []),
  ]
  const everybody = can.map((one) => (one ? 1 : 0))
  const runner = await executor.compile(program, inputsOf(everybody))
  try {
    const mergeOf = async (weights: readonly number[]): Promise<Tensor[]> => {
      runner.give(inputsOf(weights))
      runner.load(initial)
      await runner.step(MERGE_STEPS)
      return parametersFromRow(model, runner.state()[0]!)
    }
    const soup =
      method.choice === 'greedy'
        ? await greedySoup(
            measured.map(({ validation }, m) => (can[m] ? validation : undefined)),
            async (weights) => judge.points(method.build, await mergeOf(weights), tasks.validation),
          )
        : { weights: everybody, tasted: [] }
    const { weights, tasted } = soup
    return {
      parameters: await mergeOf(weights),
      made: { kind: 'merged', weights, tasted },
      task: {
        committed: commitProgram(program),
        ...{ initial, inputs: inputsOf(weights), steps: MERGE_STEPS, segmentLength: 1 },
      },
    }
  } finally {
    runner.close()
  }
}

const distilled = async (
  executor: Executor,
  plan: MetaPlan,
  method: Extract<Method, { kind: 'distil' }>,
  measured: readonly LineageMember[],
  judge: Judge,
  fits: (prompt: string) => boolean,
): Promise<Found> => {
  const { families, builds, members, measure, base } = plan
  const build = builds[method.build]!
  const { model, prompt, answer } = build
  let answers: readonly ResolvedAnswer[]
  if (method.answers === 'rounds') answers = rightAnswers(families, plan.answers!)
  else {
    const asked = lessonTasks(plan, method.tasks, fits)
    const written = []
    for (const [m, { build: of, parameters }] of members.entries()) {
      if (!isFinite32(parameters)) continue
      const seed = draws(measure.seed, PURPOSE.generation, 0xffffffff, m).word()
      written.push(await judge.answers(of, parameters, asked, seed))
    }
    answers = resolveAnswers(families, asked, written, method.keep)
  }
  const lessons = studentLessons(families, answers, build)
  if (lessons.length === 0)
    throw unfit('answers', 'none', 'at least one that the student can be taught', 'Ask for more tasks.')
  const best = bestOf(plan, measured)
  const from = { fresh: [], base: base ?? [], best: best === undefined ? [] : members[best]!.parameters }
  const train = { ...DEFAULT_TRAIN, decay: 0.01, ...method.train }
  const rows = { rows: lessons.length, length: prompt + answer, dtype: 'u32' } as const
  const program = examplesProgram(model, train, rows)
  const inputs = rowTensors(lessons, rows)
  const initial = stateFrom(model, train, from[method.start], measure.seed)
  const runner = await executor.compile(program, inputs)
  try {
    runner.load(initial)
    await runner.step(train.steps)
    return {
      parameters: [...parametersIn(model, runner.state())],
      made: { kind: 'taught', rows: lessons.length },
      task: { committed: commitProgram(program), initial, inputs, steps: train.steps, segmentLength: 1 },
    }
  } finally {
    runner.close()
  }
}

/** The member of the student's build that does best on the validation tasks, the first of several. */
const bestOf = ({ members, method }: MetaPlan, measured: readonly LineageMember[]): number | undefined => {
  let best: number | undefined
  for (const [m, { build, parameters }] of members.entries()) {
    if (build !== method.build || !isFinite32(parameters)) continue
    if (best === undefined || measured[m]!.validation > measured[best]!.validation) best = m
  }
  return best
}

/** Tasks of the training side that all members answer for a student: drawn from the seed, no two alike. */
const lessonTasks = (
  { families, measure: { kinds, seed } }: MetaPlan,
  count: number,
  fits: (prompt: string) => boolean,
): SwarmTask[] => {
  const drawn = draws(seed, PURPOSE.lessons)
  const tasks = new Map<string, SwarmTask>()
  for (let tries = 0; tasks.size < count && tries < 4 * count; tries++) {
    const { family: name, level } = kinds[drawn.below(kinds.length)]!
    const family = families.get(name)!
    const task = { family: name, level, seed: seedOn('train', family, level, drawn.word()) }
    const { prompt } = family.play(task.seed, level)
    if (fits(prompt) && !tasks.has(prompt)) tasks.set(prompt, task)
  }
  return [...tasks.values()]
}

/** Whether a method goes from where members began. */
const needsBase = (method: Method): boolean =>
  method.kind === 'ties' || (method.kind === 'distil' && method.start === 'base')

const checkPlan = ({ builds, members, method, base, answers, families, measure }: MetaPlan): void => {
  const build = builds[method.build]
  if (build === undefined) throw unfit('method.build', method.build, `0 to ${builds.length - 1}`)
  for (const { family } of measure.kinds)
    if (!families.has(family)) throw unfit('measure.kinds', family, [...families.keys()].join(', '))
  for (const [m, { build: of, parameters }] of members.entries()) {
    if (builds[of] === undefined) throw unfit(`members[${m}].build`, of, `0 to ${builds.length - 1}`)
    memberTable(builds[of].model, [parameters], () => `members[${m}]`)
  }
  if (needsBase(method)) {
    if (base === undefined) throw unfit('base', 'missing', 'the parameters that the members began with')
    memberTable(build.model, [base], () => 'base')
  }
  if (method.kind !== 'distil') return
  if (method.start === 'best' && !members.some(({ build: of }) => of === method.build))
    throw unfit('method.start', 'best', `fresh or base where no member has build ${method.build}`)
  if (method.answers === 'rounds' && answers === undefined)
    throw unfit(
      'answers',
      'missing',
      "answers of the swarm's rounds",
      'Hand them in, or take those of members.',
    )
}

const unfit = (
  field: string,
  value: string | number,
  limit: string,
  remedy = 'Correct the plan.',
): FaultError => new FaultError({ code: 'merge-invalid', field, value, limit, remedy })
