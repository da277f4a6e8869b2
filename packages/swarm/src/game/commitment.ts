import type { Hex } from '@lockstep/proof'
import { keccak, keccakOfWords, packBytes } from './words.ts'

/** Where a submission belongs. What is committed to there is of use nowhere else, and to nobody else. */
export type Place = {
  readonly chainId: number
  /** The contract Swarms; any address where there is no chain. */
  readonly contract: Hex
  readonly swarm: number
  readonly round: number
  /** The stage's number on the chain. */
  readonly stage: number
  readonly account: Hex
}

/** One stage's submission, opened; integers for each task, see Opened in ISwarms.sol. */
export type Part = {
  /** Of the answers; in the critique whatever the participant commits to, such as the texts of its critiques. */
  readonly root: Hex
  readonly scores: readonly number[]
  readonly votes: readonly number[]
  /** 32 bytes that nobody can guess: answers are short, and could be tried out. */
  readonly salt: Hex
}

export const commitmentOf = (place: Place, { root, scores, votes, salt }: Part): Hex =>
  keccakOfWords(
    place.chainId,
    place.contract,
    place.swarm,
    place.round,
    place.stage,
    place.account,
    root,
    packBytes(scores),
    packBytes(votes),
    salt,
  )

/** A leaf of a tree of answers. `answer` is at most 96 bytes, none for no answer. */
export const answerLeaf = (task: number, answer: Uint8Array): Hex =>
  rehash(keccakOfWords(task, keccak(answer)))

const rehash = (digest: Hex): Hex => keccakOfWords(digest)

/** A pair in the order of its numbers: then a path needs no sides (OpenZeppelin's MerkleProof). */
const pair = (a: Hex, b: Hex): Hex => (BigInt(a) < BigInt(b) ? keccakOfWords(a, b) : keccakOfWords(b, a))

/** The levels over some leaves, one at least; a digest without a partner is taken up as it is. */
const levelsOf = (leaves: readonly Hex[]): readonly (readonly Hex[])[] => {
  const levels = [leaves]
  for (let level = leaves; level.length > 1; ) {
    const above: Hex[] = []
    for (let i = 0; i < level.length; i += 2)
      above.push(i + 1 < level.length ? pair(level[i]!, level[i + 1]!) : level[i]!)
    levels.push(above)
    level = above
  }
  return levels
}

/** The root over a round's answers, one for each task in order. */
export const answersRoot = (answers: readonly Uint8Array[]): Hex => {
  if (answers.length === 0) throw new RangeError('a tree of answers has one answer at least')
  return levelsOf(answers.map((answer, task) => answerLeaf(task, answer))).at(-1)![0]!
}

/** What opens one answer under the root. */
export const answerPath = (answers: readonly Uint8Array[], task: number): readonly Hex[] => {
  const levels = levelsOf(answers.map((answer, i) => answerLeaf(i, answer)))
  const path: Hex[] = []
  let place = task
  for (const level of levels.slice(0, -1)) {
    const sibling = level[place ^ 1]
    if (sibling !== undefined) path.push(sibling)
    place >>= 1
  }
  return path
}

/** The root that a leaf leads to along a path. */
export const climb = (leaf: Hex, path: readonly Hex[]): Hex => path.reduce(pair, leaf)
