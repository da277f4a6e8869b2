import assert from 'node:assert/strict'
import {
  commitProgram,
  digestOf,
  initialItem,
  pathOf,
  rootOf,
  type Task,
  type TraceSource,
  taskFields,
  toHex,
} from '@lockstep/proof'
import { type Tensor, unwrap } from '@lockstep/tensor'
import { toHex as bytesToHex, type Hex, parseEther } from 'viem'
import { answerPath, answersRoot, commitmentOf, type Part } from '../../swarm/src/game/commitment.ts'
import { type DrawnTask, drawnTask, subjectOf } from '../../swarm/src/game/drawn.ts'
import { packBytes } from '../../swarm/src/game/words.ts'
import { type Code, codeOf, codeTensor } from '../../swarm/src/machine/code.ts'
import { interpreter } from '../../swarm/src/machine/interpret.ts'
import { encodeRequest } from '../../swarm/src/machine/request.ts'
import { wordState, wordStep } from '../../swarm/src/machine/step-program.ts'
import {
  type FamilyLevel,
  type OpenedStage,
  type ProofTerms,
  type ScoreDefence,
  type SwarmTerms,
  scoreTaskTerms,
} from '../src/index.ts'
import { lastRoots, type Person, randomHex } from './market-people.ts'

/** Swarms for tests: two families of word machine programs that end after a few steps. */

export const CHAIN = 31337
const LEVEL = 3

/** Gives 100 where the answer begins with a letter, else 40. */
const letter = (byte: number): Code =>
  codeOf([
    { op: 'ask', d: 1, b: 16, immediate: true },
    { op: 'eq', d: 2, a: 1, b: byte, immediate: true },
    { op: 'mul', d: 3, a: 2, b: 60, immediate: true },
    { op: 'add', d: 4, a: 3, b: 40, immediate: true },
    { op: 'halt', b: 4 },
  ])
const CODES = [letter(97), letter(98)]
export const FAMILIES: readonly FamilyLevel[] = CODES.map((code) => ({
  code: toHex(digestOf(codeTensor(code))),
  level: LEVEL,
}))

const encoder = new TextEncoder()
export const text = (answer: string): Uint8Array<ArrayBuffer> => encoder.encode(answer)
export const rightAnswer = (task: DrawnTask): string => (task.family === 0 ? 'a' : 'b')
export const scoreOf = (task: DrawnTask, answer: string): number =>
  interpreter(CODES[task.family]!).run(encodeRequest(task.seed, LEVEL, text(answer))).score

const committed = commitProgram(wordStep())
const initial = wordState(new Int32Array(2048), 0)

/** The proof task of a score, as an executor runs it. */
export const proofTask = (task: DrawnTask, answer: string): Task => {
  const request: Tensor = {
    dtype: 'u8',
    shape: [128],
    data: encodeRequest(task.seed, LEVEL, text(answer)) as Uint8Array<ArrayBuffer>,
  }
  return {
    ...{ committed, initial, inputs: [codeTensor(CODES[task.family]!), request] },
    ...{ steps: 10, segmentLength: 4 },
  }
}

export const proofTerms = (bond: bigint): ProofTerms => ({
  header: committed.header,
  initialItem: toHex(initialItem(initial)),
  ...{ steps: 10, segmentLength: 4, window: 50_000, clock: 20_000, segmentTime: 9_000, stepTime: 9_000 },
  ...{ moveTime: 9_000, bond },
})

/** Times in which no machine is too slow: tests let time pass by themselves. */
export const swarmTerms = (now: number, bond: bigint): SwarmTerms => ({
  manifest: randomHex(0x5a),
  ...{ answerTime: 10_000, critiqueTime: 10_000, resolveTime: 10_000 },
  ...{ claimTime: 10_000, challengeTime: 10_000, standTime: 10_000 },
  expiry: now + 5_000_000,
  ...{ rounds: 2, tasks: 2, minimum: 2, most: 8 },
  weights: { answer: 2, critique: 1, prediction: 1, resolve: 2 },
  ...{ stake: parseEther('100'), reward: parseEther('60'), deposit: parseEther('10') },
  families: FAMILIES,
  proof: proofTerms(bond),
})

/** What a participant does in a round of three stages. */
export type Performance = {
  readonly first: readonly string[]
  readonly final: readonly string[]
  /** Seats. */
  readonly votes: readonly number[]
  /** Instead of what the first answers score. */
  readonly claimed?: readonly number[]
}

export const tasksOfSeed = (seed: Hex): readonly DrawnTask[] => [0, 1].map((task) => drawnTask(seed, task, 2))

/** The parts of a performance. What a judge says of its subjects is the truth about their first answers. */
export const partsOf = (
  seed: Hex,
  seat: number,
  performances: readonly Performance[],
): readonly [Part, Part, Part] => {
  const tasks = tasksOfSeed(seed)
  const { first, final, votes, claimed } = performances[seat]!
  const scores = (answers: readonly string[]) => tasks.map((task, i) => scoreOf(task, answers[i]!))
  const judged = tasks.map((task, i) => {
    const subject = subjectOf(seed, i, performances.length, seat)!
    return 1 + scoreOf(task, performances[subject]!.first[i]!)
  })
  const salt = (stage: number) => randomHex(1_000 * (seat + 1) + stage)
  return [
    { root: answersRoot(first.map(text)), scores: claimed ?? scores(first), votes: [], salt: salt(0) },
    { root: randomHex(9), scores: judged, votes: [], salt: salt(1) },
    {
      root: answersRoot(final.map(text)),
      scores: scores(final),
      votes: votes.map((one) => one + 1),
      salt: salt(2),
    },
  ]
}

export const opened = ({ root, scores, votes, salt }: Part): OpenedStage => ({
  ...{ root, scores: packBytes(scores), votes: packBytes(votes), salt },
})

export const committedTo = (by: Person, swarm: number, round: number, stage: number, part: Part): Hex =>
  commitmentOf(
    { chainId: CHAIN, contract: by.addresses.swarms, swarm, round, stage, account: by.address },
    part,
  )

/** Begins the next round: asks for its seed, and takes it a block later. */
export const beginNext = async (
  by: Person,
  swarm: number,
): Promise<{ readonly seed: Hex; readonly begin: number }> => {
  await by.does(by.calls.advanceSwarm(swarm))
  const events = await by.does(by.calls.advanceSwarm(swarm))
  const begun = events.find((event) => event.contract === 'swarms' && event.name === 'RoundBegun')
  assert.ok(begun?.contract === 'swarms' && begun.name === 'RoundBegun')
  return { seed: begun.args.seed, begin: Number(begun.args.begin) }
}

/**
 * Makes the task of a challenge known to Disputes and claims a history of it; gives all that `stand` wants but the roots
 * of the answers. `answers` are those of the challenged stage, `index` is the challenged task.
 */
export const claimHistory = async (
  by: Person,
  challenge: number,
  proof: ProofTerms,
  task: Task,
  source: TraceSource,
  answers: readonly string[],
  index: number,
): Promise<Omit<ScoreDefence, 'answersRoot' | 'finalsRoot'>> => {
  const place = { chainId: CHAIN, contract: by.addresses.swarms }
  const { inputsRoot } = taskFields(task)
  const id = unwrap(await by.disputes.createTask(scoreTaskTerms(place, challenge, proof, inputsRoot)))
  const tree = await source.checkpoints()
  const claim = unwrap(await by.disputes.claim(id, toHex(rootOf(tree))))
  const { stateRoot } = await lastRoots(task, source)
  return {
    answer: bytesToHex(text(answers[index]!)),
    path: answerPath(answers.map(text), index),
    ...{ claim, stateRoot: toHex(stateRoot) },
    lastPath: pathOf(tree, tree.count - 1, 0, tree.height).map(toHex),
  }
}
