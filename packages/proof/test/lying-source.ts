import { DTYPES, type Dtype, type FoldNode, loadElement, type Node, size } from '@lockstep/tensor'
import type { Digest } from '../src/digest.ts'
import { levelCounts, type Run, rangeBelow, rangeOfWord } from '../src/fold-cut.ts'
import { leafDigest, parentDigest, tensorDigest } from '../src/hash.ts'
import { joinsOf } from '../src/item.ts'
import { bitsOf } from '../src/referee.ts'
import type { Task } from '../src/task.ts'
import type { TraceSource } from '../src/trace-source.ts'
import { rootOf, type Tree, treeOf } from '../src/tree.ts'

/** A lie: from one item of one step on, the history is another one. */
export type Lie = {
  readonly step: number
  readonly item: number
  /** Of a node: which element, and what is done to its stored bits. Without it the item is a digest of nothing. */
  readonly element?: { readonly index: number; readonly xor: number }
  /** Of a fold: where in each vector of accumulators the truth is left, from 0 to below 1. */
  readonly foldAt?: number
  /** The same of the vectors below the first one, where that is another place. */
  readonly thenAt?: number
  /** Whether the joins behind the lie are hashed from it; else only the step item follows it. */
  readonly joinsFollow?: boolean
}

const garbage = (salt: Digest): Digest => leafDigest(salt)
const digestsOf = (tree: Tree): Digest[] => Array.from({ length: tree.count }, (_, i) => tree.at(0, i))

/** A history that is true up to the lie and well formed as far as a liar can make it so. */
export const lyingSource = (honest: TraceSource, task: Task, lie: Lie): TraceSource => {
  const { program } = task.committed
  const node: Node | undefined = program.nodes[lie.item]
  const ref = { from: 'node', index: lie.item } as const
  const perLeaf = node ? 256 / DTYPES[node.dtype].bytes : 0
  const lieLeaf = lie.element ? Math.floor(lie.element.index / perLeaf) : -1
  const isLie = (step: number, index: number): boolean => step === lie.step && index === lie.item
  const targets = new Map<string, number>()
  let items: Promise<Tree> | undefined

  const liedLeaf = async (): Promise<Uint8Array> => {
    const bytes = (await honest.leaf(lie.step, ref, lieLeaf)).slice()
    xorElement(node!.dtype, bytes, lie.element!.index % perLeaf, lie.element!.xor)
    return bytes
  }
  const liedLeaves = async (): Promise<Tree> => {
    const leaves = digestsOf(await honest.leaves(lie.step, ref))
    leaves[lieLeaf] = leafDigest(await liedLeaf())
    return treeOf(leaves)
  }

  const step = async (): Promise<Tree> => {
    const truth = digestsOf(await honest.step(lie.step))
    const lied = [...truth]
    lied[lie.item] = lie.element
      ? tensorDigest(node!.dtype, node!.shape, rootOf(await liedLeaves()))
      : garbage(truth[lie.item]!)
    if (lie.joinsFollow !== false) {
      const { states } = await honest.found(lie.step)
      const inputs = await honest.inputs()
      joinsOf(program).forEach(({ left, right }, j) => {
        const at = program.nodes.length + j
        if (at <= lie.item) return
        const [l, r] = [left, right].map(({ from, index }) =>
          from === 'zero'
            ? new Uint8Array(32)
            : from === 'item'
              ? lied[index]!
              : (from === 'state' ? states : inputs).at(0, index),
        )
        lied[at] = parentDigest(l!, r!)
      })
    }
    const last = truth.length - 1
    if (Buffer.compare(lied[last]!, truth[last]!) === 0) lied[last] = garbage(truth[last]!)
    return treeOf(lied)
  }
  const liedStep = (): Promise<Tree> => {
    items ??= step()
    return items
  }
  const liedItem = async (): Promise<Digest> => {
    const tree = await liedStep()
    return tree.at(0, tree.count - 1)
  }

  const vector = async (honestTree: Tree, first: number, each: number): Promise<Tree> => {
    const lied = await liedItem()
    return treeOf(
      digestsOf(honestTree).map((digest, i) => {
        const after = Math.min(first + (i + 1) * each, task.steps) // the step behind this item
        return after <= lie.step ? digest : after === lie.step + 1 ? lied : garbage(digest)
      }),
    )
  }

  const elementTarget = (): number => {
    const bits = targets.get('bits')
    if (bits === undefined) throw new Error('the element has not been told')
    return bits
  }
  const key = (kind: string, ...of: number[]): string => `${kind} ${of.join(' ')}`

  /** Leaves the truth at `foldAt` and comes back to what was claimed at the end. */
  const bend = (truth: Uint32Array, exact: number | undefined): Uint32Array => {
    const { dtype } = node!
    const last = truth[truth.length - 1]!
    if (exact === undefined ? bitsOf(dtype, last) === elementTarget() : last === exact) return truth
    const words = truth.slice()
    const at = (exact === undefined ? lie.foldAt : (lie.thenAt ?? lie.foldAt)) ?? 0
    for (let i = Math.floor(at * truth.length); i < truth.length; i++) words[i]! ^= 1
    words[words.length - 1] = exact ?? wordOfBits(dtype, elementTarget())
    return words
  }

  return {
    checkpoints: async () => vector(await honest.checkpoints(), 0, task.segmentLength),
    segment: async (segment) => vector(await honest.segment(segment), segment * task.segmentLength, 1),
    step: (at) => (at === lie.step ? liedStep() : honest.step(at)),
    found: honest.found,
    inputs: honest.inputs,
    leaves: (at, of) =>
      lie.element && of.from === 'node' && isLie(at, of.index) ? liedLeaves() : honest.leaves(at, of),
    leaf: (at, of, index) =>
      lie.element && of.from === 'node' && isLie(at, of.index) && index === lieLeaf
        ? liedLeaf()
        : honest.leaf(at, of, index),
    run: async (place, run: Run, acc) => {
      const truth = await honest.run(place, run, acc)
      if (!lie.element || !isLie(place.step, place.node) || place.element !== lie.element.index) return truth
      targets.set('bits', storedOf(node!.dtype, await liedLeaf(), lie.element.index % perLeaf))
      const words = bend(truth, targets.get(key('run', run.from, run.to)))
      words.forEach((word, i) => {
        const { from, to } = rangeOfWord(run, i)
        targets.set(key('run', from, to), word)
      })
      return words
    },
    combine: async (place, value) => {
      const truth = await honest.combine(place, value)
      if (!lie.element || !isLie(place.step, place.node) || place.element !== lie.element.index) return truth
      targets.set('bits', storedOf(node!.dtype, await liedLeaf(), lie.element.index % perLeaf))
      const words = bend(truth, targets.get(key('value', value.level, value.index)))
      const counts = levelCounts(size((node as FoldNode).box))
      const { from } = rangeBelow(counts, value)
      for (let i = 0; i < words.length; i += 2) {
        const below = { level: value.level - 1, index: from + i / 2 }
        targets.set(key('value', below.level, below.index), words[i]!)
        if (below.level === 1) {
          const range = rangeBelow(counts, below)
          targets.set(key('run', range.from, range.to), words[i]!)
        }
      }
      return words
    },
  }
}

const xorElement = (dtype: Dtype, bytes: Uint8Array, index: number, xor: number): void => {
  const width = DTYPES[dtype].bytes
  for (let b = 0; b < width; b++) bytes[index * width + b]! ^= (xor >>> (8 * b)) & 0xff
}

const storedOf = (dtype: Dtype, bytes: Uint8Array, index: number): number => {
  const width = DTYPES[dtype].bytes
  let bits = 0
  for (let b = width - 1; b >= 0; b--) bits = bits * 256 + bytes[index * width + b]!
  return bits
}

const wordOfBits = (dtype: Dtype, bits: number): number => {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setUint32(0, bits, true)
  return loadElement(dtype, data, 0)
}

/** How many leaves a node's tensor has. */
