import { type FoldNode, size } from '@lockstep/tensor'
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

export const nameOfLie = (lie: Lie): string =>
  `${NODES[lie.item] ?? `join ${lie.item}`} ${JSON.stringify(lie)}`
