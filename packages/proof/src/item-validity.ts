import {
  type Bound,
  type Coord,
  type Dtype,
  isWordCoord,
  type NamedType,
  type Node,
  type Read,
  type Ref,
  validateProgram,
  type WordRead,
} from '@lockstep/tensor'
import type { ProgramHeader } from './program-id.ts'
import { InvalidItem } from './refusal.ts'

/**
 * Checks one node on its own, as a referee sees it: it may look back only, and it must be what validation accepts.
 * The tensors that it reads are taken to be what it says they are; openings prove that later.
 */
export const checkItem = (node: Node, item: number, header: ProgramHeader): void => {
  const inputs: NamedType[] = []
  /** A source of its own for every read, of the type that the read states. */
  const alone = <R extends { readonly ref: Ref; readonly dtype: Dtype; readonly view: readonly number[] }>(
    read: R,
  ): R => {
    const { from, index } = read.ref
    const limit =
      from === 'node' ? Math.min(item, header.nodes) : from === 'state' ? header.states : header.inputs
    if (index >= limit) throw new InvalidItem(`item ${item} reads ${from} ${index} of ${limit}`)
    inputs.push({ name: `${inputs.length}`, dtype: read.dtype, shape: read.view })
    return { ...read, ref: { from: 'input', index: inputs.length - 1 } }
  }
  const word = (read: WordRead): WordRead => alone(read)
  const read = (of: Read): Read => ({
    ...alone(of),
    coords: of.coords.map((coord): Coord => (isWordCoord(coord) ? { word: word(coord.word) } : coord)),
  })
  const bound = (of: Bound): Bound => ('word' in of ? { word: word(of.word) } : of)
  const reads = node.reads.map(read)
  const single: Node =
    node.kind === 'map'
      ? { ...node, reads }
      : {
          ...node,
          reads,
          guards: node.guards.map(({ test, left, right }) => ({
            test,
            left: bound(left),
            right: bound(right),
          })),
          order:
            node.order.kind !== 'blocked' && typeof node.order.init !== 'number'
              ? { ...node.order, init: read(node.order.init) }
              : node.order,
        }
  const valid = validateProgram({ state: [], inputs, nodes: [single], next: [], outputs: [] })
  if (!valid.ok)
    throw new InvalidItem(`${valid.fault.field} is ${valid.fault.value}; allowed: ${valid.fault.limit}`)
}
