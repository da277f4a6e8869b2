import { DTYPES, type FoldNode, type Node, size } from '@lockstep/tensor'
import { isJudgedAtOnce } from '../src/referee.ts'
import type { Lie } from './lying-source.ts'
import { NODES, tinyTask } from './tiny-task.ts'

const { program, header } = tinyTask().committed

/** One lie per item, element class, bit and fold position of a step. */
export function* liesOf(step: number, thorough: boolean): Generator<Lie> {
  for (let item = 0; item < header.items; item++) {
    yield { step, item }
    yield { step, item, joinsFollow: false }
    const node = program.nodes[item]
    if (!node) continue
    if (node.kind === 'fold' && size(node.box) > 256) {
      // At the ends of the vectors below the first one, too.
      for (const [foldAt, thenAt] of [
        [0.5, 0],
        [0.5, 0.999],
        [0.999, 0],
        [0, 0.999],
      ] as const) {
        yield { step, item, element: { index: 0, xor: 1 }, foldAt, thenAt }
      }
    }
    const elements = size(node.shape)
    const classes = [...new Set([0, Math.floor(elements / 2), elements - 1])]
    for (const index of thorough ? classes : classes.slice(-1)) {
      const isFold = !isJudgedAtOnce(node)
      const wide = isFold && size((node as FoldNode).box) > 1000
      const positions = isFold ? (wide ? [0, 0.5, 0.999] : [0, 0.01, 0.3, 0.5, 0.51, 0.9, 0.999]) : [0]
      for (const foldAt of thorough ? positions : positions.slice(0, 3)) {
        for (const xor of node.dtype === 'u8' ? [1, 0x80] : [1, 0x8000]) {
          yield { step, item, element: { index, xor }, foldAt }
        }
      }
    }
  }
}

/**
 * Every lie of a step: each item; of each node each class of element (the ends and the middle of the tensor, both
 * sides of each border between leaves) with each of its bits; of each such element of a fold each accumulator of the
 * first vector and, where there is a second one, each of that behind three places of the first.
 */
export function* everyLieOf(step: number): Generator<Lie> {
  for (let item = 0; item < header.items; item++) {
    yield { step, item }
    yield { step, item, joinsFollow: false }
    const node = program.nodes[item]
    if (!node) continue
    for (const index of elementClasses(node)) {
      for (let bit = 0; bit < 8 * DTYPES[node.dtype].bytes; bit++) {
        yield { step, item, element: { index, xor: (1 << bit) >>> 0 }, foldAt: 0.5 }
      }
      if (node.kind === 'map' || isJudgedAtOnce(node)) continue
      const points = size(node.box)
      const length = Math.min(points, 256)
      const element = { index, xor: 1 }
      for (let i = 0; i < length; i++) {
        const place = (i + 0.5) / length
        yield { step, item, element, foldAt: place }
        if (points > 256)
          for (const foldAt of [0, 0.5, 0.999]) yield { step, item, element, foldAt, thenAt: place }
      }
    }
  }
}

const elementClasses = (node: Node): number[] => {
  const elements = size(node.shape)
  const perLeaf = 256 / DTYPES[node.dtype].bytes
  const places = [0, Math.floor(elements / 2), elements - 1]
  for (let border = perLeaf; border < elements; border += perLeaf) places.push(border - 1, border)
  return [...new Set(places)]
}

export const nameOfLie = (lie: Lie): string =>
  `${NODES[lie.item] ?? `join ${lie.item}`} ${JSON.stringify(lie)}`
