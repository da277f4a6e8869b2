import { globalNorm } from '@lockstep/models'
import { type Grid, map, type NamedType, type Program, select, traceProgram } from '@lockstep/tensor'

/**
 * Keeps an update within a distance of the base. State: the update's tensors, all f32. Inputs: the base's, tensor t under
 * the name `base/t`, and `bound`, (1). With d = update - base and n = the Euclidean norm of d over all tensors, the next
 * state is
 *
 *   base + d * (bound / n) where n > bound, else the update        each operation rounded to binary32
 *
 * Output: `norm`, (1), which is n.
 */
export const clipProgram = (types: readonly NamedType[]): Program => {
  const typed = (prefix: string) =>
    Object.fromEntries(types.map(({ name, dtype, shape }) => [prefix + name, { dtype, shape }] as const))
  const inputs = { ...typed('base/'), bound: { dtype: 'f32', shape: [1] } as const }
  return traceProgram({ state: typed(''), inputs }, (found: Grids, given: Grids) => {
    const pairs = types.map(({ name }) => [found[name], given[`base/${name}`]] as [Grid<'f'>, Grid<'f'>])
    const norm = globalNorm(pairs.map((pair) => map(pair, (u, b) => u.sub(b), { label: 'change' })))
    const bound = given.bound as Grid<'f'>
    const clipped = pairs.map(([update, base]) =>
      map(
        [update, base, norm, bound],
        (u, b, n, most) => select(most.lt(n), b.add(u.sub(b).mul(most.div(n))), u),
        { label: 'clipped' },
      ),
    )
    return { state: Object.fromEntries(types.map(({ name }, t) => [name, clipped[t]!])), outputs: { norm } }
  })
}

type Grids = { readonly [name: string]: Grid }
