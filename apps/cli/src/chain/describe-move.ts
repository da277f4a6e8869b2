import type { MoveMade } from '@lockstep/node/dispute'
import { placeNamed } from '@lockstep/proof'

/** One move as a line: who, what, where. */
export const describeMove = ({ move, before }: MoveMade): string => {
  const { phase, height, position, segment, step, node } = before
  const where = [
    phase !== 'history' && `segment ${segment}`,
    !['history', 'segment'].includes(phase) && `step ${step}`,
    node && `node ${node.index}`,
  ]
    .filter(Boolean)
    .join(', ')
  const at = where === '' ? '' : ` in ${where}`
  switch (move.kind) {
    case 'postChildren': {
      const digests = move.children.filter((digest) => !/^0x0+$/.test(digest)).length
      return `claimant    posts ${digests} ${VECTOR[phase] ?? 'digests'}${at}${height > 5 ? `, height ${height}` : ''}`
    }
    case 'postLeaf':
      return `claimant    posts leaf ${position}${at}`
    case 'postWords':
      return `claimant    posts ${(move.words.length - 2) / 8} accumulators of element ${node!.element}${at}`
    case 'nameChild':
      return `challenger  names digest ${placeNamed(before, move.index)}${at}`
    case 'nameItem':
      return `challenger  names ${phase === 'history' ? 'segment' : 'step'} number ${placeNamed(before, move.index)}${at}`
    case 'nameNode':
      return `challenger  names node ${placeNamed(before, move.index)}${at}`
    case 'nameElement':
      return `challenger  names element ${move.index} of leaf ${node!.leaf}${at}`
    case 'nameWord':
      return `challenger  names accumulator ${move.index}${at}`
    case 'judgeJoin':
      return `challenger  has a join of the state judged${at}`
    case 'judgeElement':
      return `challenger  has element ${move.index} of leaf ${node!.leaf} judged${at}`
    case 'judgeWord':
      return `challenger  has accumulator ${move.index} judged${at}`
  }
}

const VECTOR: { readonly [phase: string]: string } = {
  history: 'digests of checkpoints',
  segment: 'digests of step items',
  step: 'digests of items',
  tensor: 'digests of leaves',
}
