import { ByteReader, ByteWriter, encodeNode, NODE_TAG, type Program, type Ref } from '@lockstep/tensor'
import { type Digest, ZERO } from './digest.ts'
import { parentDigest } from './hash.ts'

/**
 * What a join hashes: an earlier item of the step, a state tensor as the step found it, an input, or zero for an
 * absent partner.
 */
export type JoinRef = { readonly from: 'item' | 'state' | 'input' | 'zero'; readonly index: number }
export type Join = { readonly left: JoinRef; readonly right: JoinRef }

const FROM = ['item', 'state', 'input', 'zero'] as const
const NONE: JoinRef = { from: 'zero', index: 0 }

/**
 * The joins of a step, in order: the levels of the tree over the next state's tensors from the leaves up, those of the
 * outputs, and last the step item, parent(state root, outputs root).
 */
export const joinsOf = (program: Program): Join[] => {
  const joins: Join[] = []
  const add = (left: JoinRef, right: JoinRef): JoinRef => {
    joins.push({ left, right })
    return { from: 'item', index: program.nodes.length + joins.length - 1 }
  }
  const tree = (refs: readonly Ref[]): JoinRef => {
    let level = refs.map(joinRef)
    while (level.length > 1) {
      level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) =>
        add(level[2 * i]!, level[2 * i + 1] ?? NONE),
      )
    }
    return level[0] ?? NONE
  }
  const state = tree(program.next)
  const outputs = tree(program.outputs.map(({ ref }) => ref))
  add(state, outputs)
  return joins
}

const joinRef = ({ from, index }: Ref): JoinRef => ({ from: from === 'node' ? 'item' : from, index })

export const encodeJoin = (join: Join): Uint8Array<ArrayBuffer> => {
  const w = new ByteWriter().u8(NODE_TAG.join)
  for (const { from, index } of [join.left, join.right]) w.u8(FROM.indexOf(from)).u16(index)
  return w.done()
}

/** Reads a join's encoding; a fault where it is none. */
export const decodeJoin = (bytes: Uint8Array): Join => {
  const r = new ByteReader(bytes, 'join')
  const tag = r.u8()
  if (tag !== NODE_TAG.join) r.malformed('tag', tag, NODE_TAG.join)
  const side = (field: string): JoinRef => {
    const code = r.u8()
    const from = FROM[code]
    if (from === undefined) return r.malformed(field, code, '0 to 3')
    return { from, index: r.u16() }
  }
  const join = { left: side('left'), right: side('right') }
  r.end()
  return join
}

/** The encodings of a program's items: its nodes, then its joins. */
export const itemEncodings = (program: Program): Uint8Array[] => [
  ...program.nodes.map(encodeNode),
  ...joinsOf(program).map(encodeJoin),
]

/** The digests of a step's items, from those of its nodes and of what the joins read. */
export const stepItems = (
  program: Program,
  nodes: readonly Digest[],
  states: readonly Digest[],
  inputs: readonly Digest[],
): Digest[] => {
  const items = [...nodes]
  const digest = ({ from, index }: JoinRef): Digest =>
    from === 'zero' ? ZERO : (from === 'item' ? items : from === 'state' ? states : inputs)[index]!
  for (const { left, right } of joinsOf(program)) items.push(parentDigest(digest(left), digest(right)))
  return items
}
