import type { Node, Ref, TensorType } from '@lockstep/tensor'
import { toHex, ZERO_HEX } from './digest.ts'
import type { Game } from './game.ts'
import { tensorHeader } from './hash.ts'
import type { JoinRef } from './item.ts'
import type { JoinOpening, Opening } from './moves.ts'
import { MissingLeaf, wordsOf } from './openings.ts'
import type { CommittedProgram } from './program-id.ts'
import { InvalidItem } from './refusal.ts'
import { claimedTree, type Posted } from './replay.ts'
import type { TraceSource } from './trace-source.ts'
import { pathOf } from './tree.ts'

/** What a challenger proves its openings with: its own history, and what the claimant posted to the right of it. */
export type Witness = {
  readonly committed: CommittedProgram
  readonly source: TraceSource
  readonly game: Game
  readonly posted: Posted
}

/**
 * The openings that a judgement needs, found by judging: each leaf that is missing is opened, until none is.
 * `judge` is the referee over the words opened so far.
 */
export const openingsFor = async (
  witness: Witness,
  judge: (words: ReturnType<typeof wordsOf>) => unknown,
): Promise<Opening[]> => {
  const openings: Opening[] = []
  const opened = new Map<string, { readonly type: TensorType; readonly data: Uint8Array }>()
  const words = wordsOf((ref, leaf) => opened.get(`${ref.from} ${ref.index} ${leaf}`))
  for (;;) {
    try {
      judge(words)
      return openings
    } catch (error) {
      // An item that is invalid is the program's fault: the referee will find the same.
      if (error instanceof InvalidItem) return openings
      if (!(error instanceof MissingLeaf)) throw error
      const { ref, leaf } = error
      const type = typeOf(witness, ref)
      const data = await witness.source.leaf(witness.game.step, ref, leaf)
      opened.set(`${ref.from} ${ref.index} ${leaf}`, { type, data })
      openings.push(await open(witness, ref, leaf, type, data))
    }
  }
}

const typeOf = ({ committed: { program } }: Witness, ref: Ref): TensorType => {
  const list = ref.from === 'node' ? program.nodes : ref.from === 'state' ? program.state : program.inputs
  const type: TensorType | Node | undefined = list[ref.index]
  if (!type) throw new InvalidItem(`the program has no ${ref.from} ${ref.index}`)
  return type
}

const open = async (
  witness: Witness,
  ref: Ref,
  leaf: number,
  type: TensorType,
  data: Uint8Array,
): Promise<Opening> => {
  const { source, game, posted } = witness
  const leaves = await source.leaves(game.step, ref)
  const isOwn = ref.from === 'node' && ref.index === game.node?.index
  const tree = isOwn ? claimedTree(leaves, posted.tensor) : leaves
  const path = pathOf(tree, leaf, 0, leaves.height).map(toHex)
  return {
    from: ref.from,
    index: ref.index,
    leaf,
    header: toHex(tensorHeader(type.dtype, type.shape)),
    data: toHex(data),
    path: isOwn
      ? path
      : [...path, ...(await pathAbove(witness, ref.from === 'node' ? 'item' : ref.from, ref.index)).path],
  }
}

/** The digest of an agreed item, state tensor or input, and its path to what is agreed. */
const pathAbove = async (
  { source, game, posted }: Witness,
  from: 'item' | 'state' | 'input',
  index: number,
): Promise<JoinOpening> => {
  if (from === 'item') {
    const own = await source.step(game.step)
    return {
      digest: toHex(own.at(0, index)),
      path: pathOf(claimedTree(own, posted.step), index, 0, own.height).map(toHex),
    }
  }
  if (from === 'input') {
    const inputs = await source.inputs()
    return { digest: toHex(inputs.at(0, index)), path: pathOf(inputs, index, 0, inputs.height).map(toHex) }
  }
  const { states, outputsRoot } = await source.found(game.step)
  const path = [...pathOf(states, index, 0, states.height), outputsRoot].map(toHex)
  return { digest: toHex(states.at(0, index)), path }
}

/** One side of a join. */
export const openJoinSide = async (witness: Witness, { from, index }: JoinRef): Promise<JoinOpening> =>
  from === 'zero' ? { digest: ZERO_HEX, path: [] } : pathAbove(witness, from, index)
