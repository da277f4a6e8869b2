import { modelOf, type SwarmManifest } from '@lockstep/client'
import {
  DEFAULT_TRAIN,
  decodeTensors,
  encodeTensors,
  type LanguageModel,
  policyProgram,
  type TrainConfig,
  type TrainedModel,
  trainBpe,
} from '@lockstep/models'
import { type CommittedProgram, type Hex, rootOf, tensorsTree, toHex } from '@lockstep/proof'
import {
  type Arrived,
  type Asked,
  BEST,
  type Coding,
  type Completion,
  chanceByReading,
  characterCoding,
  checkReceipt,
  choose,
  committedUpdate,
  createGenerator,
  createReader,
  createUpdater,
  type Draws,
  draws,
  encodeReceipt,
  encodeSharedGroup,
  type Families,
  families,
  familyTable,
  type Generator,
  type Group,
  lessonsOf,
  meanReward,
  ofOthers,
  onlyRight,
  PURPOSE,
  parametersIn,
  RECEIPT_LIMITS,
  type Reader,
  type ReceiptEvidence,
  type ReceiptFinding,
  type Refill,
  receiptOf,
  SHARE_LIMITS,
  type SwarmTask,
  scaleOf,
  scoredGroup,
  seedOn,
  solvedExamples,
  spread,
  stateFrom,
  tokenizerCoding,
  type UpdateReceipt,
  warmStart,
} from '@lockstep/swarm'
import { type Executor, FaultError, type Result, type Tensor } from '@lockstep/tensor'
import { budgetOf } from './arithmetic.ts'

export type OwnGroup = { readonly group: Group; readonly completions: readonly Completion[] }

/** What learning from a round came to. */
export type Learned = {
  readonly state: readonly Tensor[]
  readonly local: number // groups that were learned from
  readonly external: number
  readonly loss: number
  /** Mean nats of a token that was learned from, before: of own answers an estimate of the policy's entropy. */
  readonly nats: number
  /** The encoding of the update's receipt, where one was made and can be checked by who has heard the groups. */
  readonly receipt?: Uint8Array<ArrayBuffer>
}

/** Whose update it is: what a receipt says beside the update itself. */
export type LearnedBy = { readonly participant: Hex; readonly swarm: number; readonly round: number }

/** A participant's model: it answers, and learns from answers. Programs are compiled once. */
export type Learner = {
  readonly families: Families
  /** Whether a prompt fits: what does not is neither answered nor learned from. */
  readonly canRead: (prompt: string) => boolean
  /** The state that a participant begins with: after the warm start, or of the model that it was opened with. */
  readonly first: () => Promise<readonly Tensor[]>
  /** Texts for prompts; the same state, prompts and seed give the same ones. */
  readonly complete: (
    state: readonly Tensor[],
    prompts: readonly string[],
    seed: number,
  ) => Promise<Completion[]>
  /** The text that the state's model holds likeliest, for each prompt. */
  readonly likeliest: (state: readonly Tensor[], prompts: readonly string[]) => Promise<Completion[]>
  /** How many groups are written in a round: by the manifest's budget. */
  readonly writing: Refill
  /** Answers to each task, as many as a group has. */
  readonly groups: (
    state: readonly Tensor[],
    tasks: readonly SwarmTask[],
    seed: number,
  ) => Promise<OwnGroup[]>
  readonly learn: (
    state: readonly Tensor[],
    own: readonly OwnGroup[],
    others: readonly { readonly group: Group }[],
    drawn: Draws,
    /** Asks for a receipt; who wrote the others' groups has to be known for it. */
    by?: LearnedBy,
  ) => Promise<Learned>
  /**
   * How likely the model thinks that each answer is right, 0 to 1: by its likelihood, on the scale that the groups'
   * scores give; 0 where there are no groups.
   */
  readonly judge: (
    state: readonly Tensor[],
    asked: readonly Asked[],
    known: readonly Group[],
  ) => Promise<number[]>
  /** Runs an update of this manifest's model again, and says what of its receipt is not so: see `checkReceipt`. */
  readonly check: (
    receipt: UpdateReceipt,
    evidence: Pick<ReceiptEvidence, 'before' | 'groups'>,
  ) => Promise<Result<ReceiptFinding>>
  readonly modelRoot: (state: readonly Tensor[]) => Hex
  /** The mean reward of a group by the swarm's rule, 0 to 1. */
  readonly reward: (group: Group) => number
  /** Whether a group teaches anything. */
  readonly isUseful: (group: Group) => boolean
  readonly encode: (state: readonly Tensor[]) => Uint8Array<ArrayBuffer>
  readonly decode: (bytes: Uint8Array) => Result<Tensor[]>
  readonly close: () => void
}

/** Tasks whose texts a tokenizer of pairs is made of. */
const SAMPLES = 64
/** Texts that are generated side by side at most. */
const BATCH = 64
/** A round has at most as many tasks. */
const LIKELIEST_BATCH = 16
/** Answers that a judge's scale follows from at most: those of own groups first. */
const MOST_KNOWN = 512

/**
 * The learner that a manifest describes, on an executor that somebody else closes; or one that goes on with a trained model
 * and its tokenizer. A FaultError says what of that model does not fit.
 */
export const openLearner = async (
  executor: Executor,
  manifest: SwarmManifest,
  begun?: TrainedModel,
): Promise<Learner> => {
  const { lengths, learning, warmStart: warm, seed } = manifest
  const table = familyTable(
    families.filter(({ name }) => manifest.families.some((one) => one.family === name)),
  )
  const { model, coding } = modelBuildOf(manifest, table, begun)
  const rows = (learning.local + learning.external) * learning.groupSize
  const train: TrainConfig = {
    ...DEFAULT_TRAIN,
    // A constant rate: the end of a swarm is not known to who joins it.
    ...{ batch: learning.batch, steps: 2 ** 24, warmup: 0, rate: learning.rate, lastRate: 1 },
    ...{ clip: learning.clip, decay: 0 },
  }
  const blank = stateFrom(model, train, [], 0)
  const batch = Math.min(BATCH, learning.groups * learning.groupSize)
  const generator = await createGenerator(executor, model, parametersIn(model, blank), coding, {
    ...{ batch, ...lengths, temperature: learning.temperature },
  })
  const updater = await createUpdater(executor, {
    ...{ model, train, rows, length: lengths.prompt + lengths.answer, epochs: learning.epochs, policy: {} },
  })
  const { state: types } = policyProgram(model, train, {
    ...{ rows: learning.batch, length: lengths.prompt + lengths.answer, dtype: 'u32' },
  })
  let reader: Reader | undefined
  let certain: Generator | undefined
  let committed: CommittedProgram | undefined
  const rewarded = (group: Group): Group => (learning.reward === 'right' ? onlyRight(group) : group)
  const promptOf = ({ family, seed: at, level }: SwarmTask): string =>
    table.get(family)!.play(at, level).prompt

  const canRead = (prompt: string): boolean => coding.encode(prompt).length < lengths.prompt

  return {
    families: table,
    canRead,
    writing: { groups: learning.groups, budget: budgetOf(manifest), wanted: learning.local },
    first: async () => {
      if (begun !== undefined) return stateFrom(model, train, begun.parameters, seed)
      const how = {
        ...{ model, coding, examples: warm.examples, ...lengths, seed },
        train: {
          ...DEFAULT_TRAIN,
          ...{ batch: warm.batch, steps: warm.steps, warmup: warm.warmup, rate: warm.rate },
        },
      }
      const draw = (drawn: Draws): SwarmTask => {
        const { family, level } = manifest.families[drawn.below(manifest.families.length)]!
        return { family, level, seed: seedOn('train', table.get(family)!, level, drawn.word()) }
      }
      const { parameters } = await warmStart(executor, how, solvedExamples(table, draw, how))
      return stateFrom(model, train, parameters, seed)
    },
    complete: (state, prompts, at) => generator.complete(parametersIn(model, state), prompts, at),
    likeliest: async (state, prompts) => {
      const parameters = parametersIn(model, state)
      certain ??= await createGenerator(executor, model, parameters, coding, {
        ...{ batch: LIKELIEST_BATCH, ...lengths, temperature: 0 },
      })
      return certain.complete(parameters, prompts, 0)
    },
    groups: async (state, given, at) => {
      const tasks = given.filter((task) => canRead(promptOf(task)))
      const size = learning.groupSize
      const prompts = tasks.flatMap((task) => new Array<string>(size).fill(promptOf(task)))
      const written = await generator.complete(parametersIn(model, state), prompts, at)
      return tasks.map((task, g) => {
        const completions = written.slice(g * size, (g + 1) * size)
        return { completions, group: scoredGroup(table.get(task.family)!, task, completions) }
      })
    },
    learn: async (state, own, others, drawn, by) => {
      const mine = choose(
        own.map((one) => ({ ...one, shared: one.group, group: rewarded(one.group) })),
        learning.local,
        learning.choosing,
        drawn,
      )
      const theirs = choose(
        others
          .filter(({ group }) => canRead(group.prompt))
          .map((one) => ({ shared: one, group: rewarded(one.group) })),
        learning.external,
        learning.fromOthers,
        drawn,
      )
      const lessons = [
        ...mine.flatMap(({ group, completions }) => lessonsOf(group, coding, lengths, completions)),
        ...theirs.flatMap(({ group }) => ofOthers(lessonsOf(group, coding, lengths), learning.others)),
      ]
      const counts = { local: mine.length, external: theirs.length }
      // Without anything to learn a step would only follow old momentum.
      if (!lessons.some(({ advantage }) => advantage !== 0)) return { ...counts, state, loss: 0, nats: 0 }
      const update = await updater.update(state, lessons)
      const { state: after, loss, nats } = update
      const learned = { ...counts, state: after, loss, nats }
      if (by === undefined) return learned
      const modelRoot = toHex(rootOf(tensorsTree(parametersIn(model, state))))
      const messages = sharedMessages(by, [
        ...mine.map(({ shared }) => ({ participant: by.participant, modelRoot, group: shared })),
        ...theirs.map(({ shared }) => shared),
      ])
      if (messages === undefined) return learned
      committed ??= committedUpdate(updater.plan)
      const told = { ...by, plan: updater.plan, committed, before: state, update, messages }
      return { ...learned, receipt: encodeReceipt(receiptOf(told)) }
    },
    judge: async (state, asked, known) => {
      reader ??= await createReader(executor, { model, coding, ...lengths })
      const answers = known
        .filter(({ prompt }) => canRead(prompt))
        .flatMap(({ prompt, rollouts }) =>
          [...new Map(rollouts.map(({ text, score }) => [text, score === BEST]))].map(([answer, right]) => ({
            ...{ prompt, answer, right },
          })),
        )
        .slice(0, MOST_KNOWN)
      const policy = parametersIn(model, state)
      const readings = await reader.read(policy, undefined, [...answers, ...asked])
      const scale = scaleOf(
        'likelihood',
        answers.map(({ right }, i) => ({ reading: readings[i], right })),
      )
      return asked.map((_, i) => chanceByReading('likelihood', scale, readings[answers.length + i]))
    },
    check: (receipt, evidence) => {
      committed ??= committedUpdate(updater.plan)
      const known = { families: table, coding, lengths, rewarded, others: learning.others }
      return checkReceipt(receipt, { ...known, ...evidence }, updater, committed)
    },
    modelRoot: (state) => toHex(rootOf(tensorsTree(parametersIn(model, state)))),
    reward: (group) => meanReward(rewarded(group)),
    isUseful: (group) => spread(rewarded(group)) > 0,
    encode: (state) => encodeTensors(types, state),
    decode: (bytes) => decodeTensors(bytes, types),
    close: () => {
      generator.close()
      updater.close()
      reader?.close()
      certain?.close()
    },
  }
}

/** What the parameters of a manifest's model, or of the model that its learner goes on with, are read by. */
export const modelBuildOf = (
  manifest: SwarmManifest,
  table: Families,
  begun?: TrainedModel,
): { readonly model: LanguageModel; readonly coding: Coding } => {
  const coding = begun === undefined ? codingOf(manifest, table) : codingOfModel(begun)
  return { coding, model: modelOf(manifest.model, coding.vocab) }
}

/** The coding that a manifest describes. */
export const codingOf = ({ tokenizer, families: kinds, seed }: SwarmManifest, table: Families): Coding => {
  if (tokenizer === 'character') return characterCoding
  const drawn = draws(seed, PURPOSE.examples, 1)
  const texts = kinds.flatMap(({ family, level }) =>
    Array.from({ length: SAMPLES }, () => {
      const one = table.get(family)!
      const { prompt, solution } = one.play(seedOn('train', one, level, drawn.word()), level)
      return `${prompt} ${solution}`
    }),
  )
  return tokenizerCoding('bpe', trainBpe(new TextEncoder().encode(texts.join(' ')), tokenizer.bpe))
}

/** Groups as they were shared, word for word; undefined where one of them was not, or its author is unknown. */
const sharedMessages = (
  { round }: LearnedBy,
  groups: readonly (Partial<Pick<Arrived, 'participant' | 'modelRoot'>> & Pick<Arrived, 'group'>)[],
): Uint8Array[] | undefined => {
  const messages: Uint8Array[] = []
  for (const { participant, modelRoot, group } of groups) {
    if (participant === undefined || modelRoot === undefined) return undefined
    if (group.rollouts.some(({ text }) => text.length > SHARE_LIMITS.textCharacters)) return undefined
    const { task, rollouts } = group
    messages.push(encodeSharedGroup({ participant, modelRoot, round, task, rollouts }))
  }
  return messages.length > RECEIPT_LIMITS.groups ? undefined : messages
}

/** The coding of a trained model: its own tokenizer, or characters where it has none. */
const codingOfModel = ({ model, tokenizer }: TrainedModel): Coding => {
  const { vocab } = model.config as { readonly vocab?: number }
  if (tokenizer === undefined && vocab === characterCoding.vocab) return characterCoding
  if (tokenizer === undefined || vocab === undefined)
    throw new FaultError({
      ...{ code: 'start-unfit', field: 'start', value: 'a model without a tokenizer' },
      limit: `one with a tokenizer, or of ${characterCoding.vocab} ids: printable characters and an end`,
      remedy: 'Save the model with its tokenizer.',
    })
  const coding = tokenizerCoding('own', tokenizer)
  // Where no id is left for an end, that of a line's end is: no prompt and no answer holds one.
  const end = vocab > tokenizer.vocabSize ? tokenizer.vocabSize : tokenizer.encode(Uint8Array.of(10))[0]!
  return { ...coding, vocab, end }
}
