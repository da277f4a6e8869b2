import {
  DTYPES,
  type F,
  f32,
  type Grid,
  LIMITS,
  map,
  type NamedType,
  type Program,
  type TensorType,
  traceProgram,
} from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { ModelError } from '../model-error.ts'
import { globalNorm } from '../training/adamw.ts'

/** How many tensors one node adds up: each is a leaf that a dispute's last step may have to open. */
const TOGETHER = 4

/**
 * Merges what workers reached from one state. Inputs: the workers' states, one behind the other, tensor t of worker w
 * under the name `w/t`. The next state has, in every tensor of numbers, the mean of the workers':
 *
 *   (((worker 0 + worker 1) + worker 2) + ...) / workers        each operation rounded to binary32
 *
 * and the words of worker 0 in every tensor of integers. It does not depend on the state before, so that any number of
 * steps is one merge: a task of two steps has an output that only its execution yields. Output: `distance`, the
 * Euclidean norm, (1), of what this step changed.
 */
export const averageProgram = (stateTypes: readonly NamedType[], workers: number): Program => {
  const most = Math.floor(LIMITS.tensors / Math.max(stateTypes.length, 1))
  checkInteger(
    'workers',
    workers,
    2,
    most,
    `Merge fewer workers: ${LIMITS.tensors} tensors are read at most.`,
  )
  const numbers = stateTypes.filter(({ dtype }) => DTYPES[dtype].register === 'f')
  if (numbers.length === 0)
    throw new ModelError('config-invalid', 'state', 'integers only', 'a tensor of numbers', 'Merge nothing.')
  const typed = (prefix: string): [string, TensorType][] =>
    stateTypes.map(({ name, dtype, shape }) => [prefix + name, { dtype, shape }])
  const all = Array.from({ length: workers }, (_, w) => typed(`${w}/`)).flat()
  const types = { state: Object.fromEntries(typed('')), inputs: Object.fromEntries(all) }
  return traceProgram(types, (found: Grids, given: Grids) => {
    const next: { [name: string]: Grid } = {}
    for (const { name } of stateTypes) next[name] = given[`0/${name}`]!
    for (const { name, dtype } of numbers) {
      const values = Array.from({ length: workers }, (_, w) => given[`${w}/${name}`] as Grid<'f'>)
      next[name] = meanOf(values, dtype)
    }
    const changes = numbers.map(({ name }) =>
      map([next[name] as Grid<'f'>, found[name] as Grid<'f'>], (a, b) => a.sub(b), { label: 'change' }),
    )
    return { state: next, outputs: { distance: globalNorm(changes) } }
  })
}

type Grids = { readonly [name: string]: Grid }

const meanOf = (values: readonly Grid<'f'>[], dtype: NamedType['dtype']): Grid<'f'> => {
  let [sum, ...rest] = values as [Grid<'f'>, ...Grid<'f'>[]]
  while (rest.length > 0) {
    const taken = rest.slice(0, TOGETHER - 1)
    rest = rest.slice(TOGETHER - 1)
    const isLast = rest.length === 0
    sum = map(
      [sum, ...taken],
      (...terms) => {
        const total = (terms as F[]).reduce((a, b) => a.add(b))
        return isLast ? total.div(f32(values.length)) : total
      },
      { label: 'mean', ...(isLast ? { dtype } : {}) },
    )
  }
  return sum
}
