import { broadcastShapes, broadcastTo } from '../broadcast.ts'
import { type Condition, fold } from '../fold.ts'
import type { Element, Grid } from '../grid.ts'
import type { Index } from '../index-form.ts'
import { map } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { transpose } from '../views.ts'

type ContractOptions = {
  /** Conditions under which a product is added, over the indices by letter. */
  readonly guards?: (index: { readonly [letter: string]: Index }) => readonly Condition[]
  readonly label?: string
}

/**
 * Sums of products by letters: 'mk,kn->mn' is a matrix product. A letter that the result lacks is summed; several
 * summed letters are one fold, in the order in which they first appear. The result may have its letters in any order.
 *
 *   contract('bthd,bshd->bhts', q, k)      // attention scores, heads first
 */
export const contract = (
  spec: string,
  a: Grid<'f'>,
  b: Grid<'f'>,
  options: ContractOptions = {},
): Grid<'f'> => {
  const label = options.label ?? `contract ${spec}`
  const parts = /^([a-zA-Z]*),([a-zA-Z]*)->([a-zA-Z]*)$/.exec(spec.replaceAll(' ', ''))
  if (!parts) throw new TraceError(label, 'the letters must look like mk,kn->mn')
  const [of, to] = [[parts[1]!, parts[2]!], parts[3]!]
  const extents = new Map<string, number>()
  for (const [g, letters] of of.entries()) {
    const grid = [a, b][g]!
    if (letters.length !== grid.rank)
      throw new TraceError(
        label,
        `${letters} has ${letters.length} letters for a grid of shape ${show(grid.shape)}`,
      )
    for (const [d, letter] of [...letters].entries()) {
      const known = extents.get(letter) ?? grid.shape[d]!
      if (known !== grid.shape[d])
        throw new TraceError(
          label,
          `${letter} is ${known} and ${grid.shape[d]} in shapes ${show(a.shape)} and ${show(b.shape)}`,
        )
      extents.set(letter, known)
    }
  }
  const extentOf = (letter: string): number => {
    const extent = extents.get(letter)
    if (extent === undefined) throw new TraceError(label, `${letter} is in the result but in no operand`)
    return extent
  }
  const summed = [...extents.keys()].filter((letter) => !to.includes(letter))
  const named = (out: readonly Index[], k: readonly Index[]) =>
    Object.fromEntries([
      ...[...to].map((l, d) => [l, out[d]!] as const),
      ...summed.map((l, d) => [l, k[d]!] as const),
    ])
  const { guards } = options
  return fold({
    label,
    shape: [...to].map(extentOf),
    box: summed.map(extentOf),
    register: 'f',
    order: 'blocked',
    init: -0,
    reads: (out, k) => {
      const i = named(out, k)
      const read = (grid: Grid<'f'>, letters: string): Element<'f'> =>
        grid.at(...[...letters].map((l) => i[l]!))
      return [read(a, of[0]!), read(b, of[1]!)]
    },
    ...(guards ? { guards: (out, k) => guards(named(out, k)) } : {}),
    step: (acc, x, y) => x.fma(y, acc),
    combine: (acc, block) => acc.add(block),
  })
}

/**
 * The matrix product over the last dimension of a and the one before last of b: (.., M, K) and (.., K, N) give
 * (.., M, N); leading dimensions broadcast. With b of rank 2 the leading dimensions of a are merged into rows.
 */
export const matmul = (a: Grid<'f'>, b: Grid<'f'>): Grid<'f'> => {
  if (a.rank < 2 || b.rank < 2 || a.shape.at(-1) !== b.shape.at(-2))
    throw new TraceError(
      'matmul',
      `shapes ${show(a.shape)} and ${show(b.shape)}: the last extent of the first must be the one before last of the second`,
    )
  if (b.rank === 2) {
    const k = a.shape.at(-1)!
    const rows = contract('mk,kn->mn', reshape(a, [-1, k]), b, { label: 'matmul' })
    return a.rank === 2 ? rows : reshape(rows, [...a.shape.slice(0, -1), b.shape[1]!])
  }
  const lead = broadcastShapes('matmul', [a.shape.slice(0, -2), b.shape.slice(0, -2)])
  const letters = 'abcdefgh'.slice(0, lead.length)
  return contract(
    `${letters}mk,${letters}kn->${letters}mn`,
    broadcastTo(a, [...lead, ...a.shape.slice(-2)]),
    broadcastTo(b, [...lead, ...b.shape.slice(-2)]),
    { label: 'matmul' },
  )
}

/** x times the transpose of a weight (O, I), plus a bias (O): (.., I) gives (.., O). */
export const linear = (x: Grid<'f'>, weight: Grid<'f'>, bias?: Grid<'f'>): Grid<'f'> => {
  const product = matmul(x, transpose(weight))
  return bias ? map([product, bias], (a, b) => a.add(b), { label: 'bias' }) : product
}
