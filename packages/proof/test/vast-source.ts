import {
  DTYPES,
  type FoldNode,
  foldElement,
  type Node,
  type Ref,
  type TensorType,
  unravel,
  type WordSource,
} from '@lockstep/tensor'
import type { Digest } from '../src/digest.ts'
import { combineWords, runWords } from '../src/fold-words.ts'
import { leafDigest, tensorDigest } from '../src/hash.ts'
import { stepItems } from '../src/item.ts'
import type { CommittedProgram } from '../src/program-id.ts'
import { checkpointCount, stepItem, type Task } from '../src/task.ts'
import { leafCount, leafLength } from '../src/tensor-tree.ts'
import type { TraceSource } from '../src/trace-source.ts'
import { rootOf, type Tree, treeOf, treeOfPacked } from '../src/tree.ts'

/**
 * A history of any size, told where it is asked: tensors come from a counter, element by element, and digests of
 * what no dispute opens are made up. Only the disputed element of the disputed step is computed.
 */
export type VastOptions = {
  readonly committed: CommittedProgram
  readonly steps: number
  readonly segmentLength: number
  /** Which element of which node in which step is told the truth about, so that it can be disputed. */
  readonly step: number
  readonly node: number
  readonly element: number
}

const madeUp = (...of: readonly number[]): Digest => leafDigest(new Uint8Array(new Uint32Array(of).buffer))
const codeOf = ({ from, index }: Ref): number =>
  (from === 'node' ? 0 : from === 'state' ? 1 : 2) * 65536 + index

/** A binary32 between -1 and 1, or a bit pattern of a small word: the word of an element that nobody computed. */
const counterWord = (tensor: number, position: number): number => {
  let x = Math.imul(position ^ Math.imul(tensor, 0x9e3779b1), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 15), 0xc2b2ae35)
  // Sign, an exponent from -1 to -4, and the mantissa.
  return ((x & 0x807fffff) | ((0x7b + ((x >>> 23) & 3)) << 23)) >>> 0
}

export const vastSource = (options: VastOptions): TraceSource & { readonly task: Task } => {
  const { committed, step, node: disputed, element } = options
  const { program } = committed
  const node = program.nodes[disputed]! as FoldNode
  const task: Task = { ...options, initial: [], inputs: [] }
  const typeOf = ({ from, index }: Ref): TensorType =>
    (from === 'node' ? program.nodes : from === 'state' ? program.state : program.inputs)[index]!
  const isDisputed = (ref: Ref): boolean => ref.from === 'node' && ref.index === disputed

  const word: WordSource = (ref, _, position) =>
    isDisputed(ref) && position === element ? truth() : counterWord(codeOf(ref), position)
  let computed: number | undefined
  const truth = (): number => {
    const out: number[] = []
    unravel(element, node.shape, out)
    computed ??= foldElement(node, out, word)
    return computed
  }

  const leafOf = (ref: Ref, index: number): Uint8Array => {
    const type = typeOf(ref)
    if (DTYPES[type.dtype].bytes !== 4) throw new Error('tensors made up here have words of four bytes')
    const words = new Uint32Array(leafLength(type, index) / 4)
    for (let i = 0; i < words.length; i++) words[i] = word(ref, type.dtype, 64 * index + i)
    return new Uint8Array(words.buffer)
  }
  const trees = new Map<number, Tree>()
  const leavesOf = (ref: Ref): Tree => {
    let tree = trees.get(codeOf(ref))
    if (!tree) {
      const count = leafCount(typeOf(ref))
      const packed = new Uint8Array(32 * count)
      for (let i = 0; i < count; i++) packed.set(leafDigest(leafOf(ref, i)), 32 * i)
      tree = treeOfPacked(packed)
      trees.set(codeOf(ref), tree)
    }
    return tree
  }

  // What the disputed node reads, and itself, have leaves; the rest are digests of nothing.
  const opened = new Set([...readsOf(node).map(codeOf), codeOf({ from: 'node', index: disputed })])
  const digestAt = (ref: Ref): Digest => {
    const code = codeOf(ref)
    if (!opened.has(code)) return madeUp(1, code)
    const { dtype, shape } = typeOf(ref)
    return tensorDigest(dtype, shape, rootOf(leavesOf(ref)))
  }
  const digests = (from: Ref['from'], count: number): Digest[] =>
    Array.from({ length: count }, (_, index) => digestAt({ from, index }))
  const states = treeOf(digests('state', program.state.length))
  const inputs = treeOf(digests('input', program.inputs.length))
  const outputsRoot = madeUp(2)
  const items = treeOf(
    stepItems(
      program,
      digests('node', program.nodes.length),
      digests('state', program.state.length),
      digests('input', program.inputs.length),
    ),
  )

  const itemAfter = (steps: number): Digest =>
    steps === step
      ? stepItem(rootOf(states), outputsRoot)
      : steps === step + 1
        ? items.at(0, items.count - 1)
        : madeUp(3, steps)
  const vector = (count: number, first: number, each: number): Tree =>
    treeOf(Array.from({ length: count }, (_, i) => itemAfter(Math.min(first + (i + 1) * each, task.steps))))

  return {
    task,
    checkpoints: async () => vector(checkpointCount(task), 0, task.segmentLength),
    segment: async (segment) => vector(task.segmentLength, segment * task.segmentLength, 1),
    step: async () => items,
    found: async () => ({ states, outputsRoot }),
    inputs: async () => inputs,
    leaves: async (_, ref) => leavesOf(ref),
    leaf: async (_, ref, index) => leafOf(ref, index),
    run: async (place, run, acc) => runWords(node, place.element, run, acc, word),
    combine: async (place, value) => combineWords(node, place.element, value, word),
  }
}

const readsOf = (node: Node): Ref[] => node.reads.map(({ ref }) => ref)
