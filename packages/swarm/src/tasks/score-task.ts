import {
  type Claim,
  type CommittedProgram,
  claimRoot,
  commitProgram,
  type Digest,
  digestOf,
  type ExecutorTrace,
  executorTrace,
  parentDigest,
  pathOf,
  rootOf,
  sameBytes,
  stepItem,
  type Task,
  tensorsTree,
  treeOf,
} from '@lockstep/proof'
import type { Executor, Tensor } from '@lockstep/tensor'
import { codeTensor } from '../machine/code.ts'
import { REQUEST, STEPS } from '../machine/instruction.ts'
import { interpreter } from '../machine/interpret.ts'
import { encodeRequest } from '../machine/request.ts'
import { scoreTensor, wordStart, wordState, wordStep } from '../machine/step-program.ts'
import type { Family } from './family.ts'

/** Steps from one checkpoint of a run to the next. */
export const SCORE_SEGMENT = 1024
/** Checkpoints of a run: the claim is a full tree over them. */
export const SCORE_CHECKPOINTS: number = STEPS / SCORE_SEGMENT

/** What a score is about. The answer is bytes, at most MAX_TEXT of them. */
export type ScoreQuestion = {
  readonly family: Pick<Family, 'code'>
  readonly seed: number
  readonly level: number
  readonly answer: Uint8Array
}

let program: CommittedProgram | undefined
/** The one program of all scores: a step of the word machine. */
export const scoreProgram = (): CommittedProgram => {
  program ??= commitProgram(wordStep())
  return program
}

/** The digest of a family's code: all that a contract has to know of the family. */
export const familyRoot = (family: Pick<Family, 'code'>): Digest => digestOf(codeTensor(family.code))

/** The run that gives a score, as a proof task: what a dispute about the score is about. */
export const scoreTask = ({ family, seed, level, answer }: ScoreQuestion): Task => ({
  committed: scoreProgram(),
  initial: wordStart(),
  inputs: [codeTensor(family.code), requestTensor(encodeRequest(seed, level, answer))],
  steps: STEPS,
  segmentLength: SCORE_SEGMENT,
})

const requestTensor = (data: Uint8Array): Tensor => ({ dtype: 'u8', shape: [REQUEST], data })

/** A score with the claim that commits to its run, and what shows the one in the other. */
export type ScoreClaim = {
  readonly score: number
  readonly claim: Claim
  readonly root: Digest
  readonly opening: ScoreOpening
  /** The state at a checkpoint: a dispute's player runs one segment from there. */
  readonly state: (checkpoint: number) => readonly Tensor[]
}

/** Shows the score that a claim ends with: the root of the last state, and the last checkpoint's siblings, leaf first. */
export type ScoreOpening = { readonly stateRoot: Digest; readonly siblings: readonly Digest[] }

/** Commits to the run of an answer: by the interpreter, whose states are those of the tensor program. */
export const claimScore = ({ family, seed, level, answer }: ScoreQuestion): ScoreClaim => {
  const machine = interpreter(family.code)
  const request = encodeRequest(seed, level, answer)
  const states: (readonly Tensor[])[] = []
  const checkpoints: Digest[] = []
  let [memory, place, score] = [new Int32Array(0), 0, 0]
  let stateRoot: Digest | undefined
  let halted = false
  for (let segment = 0; segment < SCORE_CHECKPOINTS; segment++) {
    if (!halted) {
      const stood = machine.resume(memory, place, request, SCORE_SEGMENT)
      memory = stood.memory.slice()
      ;({ place, score, halted } = stood)
      states.push(wordState(memory, place))
      stateRoot = rootOf(tensorsTree(states.at(-1)!))
      checkpoints.push(stepItem(stateRoot, outputsRoot(score)))
    } else {
      // What has halted stays as it is.
      states.push(states.at(-1)!)
      checkpoints.push(checkpoints.at(-1)!)
    }
  }
  const claim = { checkpoints }
  const tree = treeOf(checkpoints)
  const siblings = pathOf(tree, SCORE_CHECKPOINTS - 1, 0, tree.height)
  return {
    score,
    claim,
    root: claimRoot(claim),
    opening: { stateRoot: stateRoot!, siblings },
    state: (checkpoint) => states[checkpoint]!,
  }
}

/** Whether a claim with this root ends with this score: what a contract computes as well. */
export const opensScore = (root: Digest, score: number, { stateRoot, siblings }: ScoreOpening): boolean => {
  if (2 ** siblings.length !== SCORE_CHECKPOINTS || !Number.isInteger(score) || score < 0 || score > 100)
    return false
  const last = stepItem(stateRoot, outputsRoot(score))
  return sameBytes(
    root,
    siblings.reduce((digest, sibling) => parentDigest(sibling, digest), last),
  )
}

const outputsRoot = (score: number): Digest => rootOf(tensorsTree([scoreTensor(score)]))

/** A player's source in a dispute about a score: it runs one segment at most. */
export const scoreTrace = (question: ScoreQuestion, executor: Executor): Promise<ExecutorTrace> => {
  const { claim, state } = claimScore(question)
  return executorTrace({
    task: scoreTask(question),
    executor,
    claim,
    state: async (checkpoint) => state(checkpoint),
  })
}
