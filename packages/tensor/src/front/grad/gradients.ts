import { DTYPES } from '../../dtype.ts'
import type { F } from '../../scalar/trace.ts'
import { nextId, regionsSoFar } from '../graph.ts'
import { type Grid, isDense, materialise } from '../grid.ts'
import { dependenciesOf } from '../lower.ts'
import { map } from '../map.ts'
import { full } from '../ops/arithmetic.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { isSource, type Lookup, type Vertex } from '../vertex.ts'
import { recomputing } from './recomputing.ts'
import { contributionsOf } from './rules.ts'
import { pulledBack } from './with-gradient.ts'

type Named = { readonly [name: string]: Grid<'f'> }

/**
 * The gradient of a loss of one element by each of some grids, in reverse mode over what was traced so far: new nodes
 * of the same program, f32, in the grids' shapes. Gradients of what the loss does not depend on are 0.
 *
 * A sum over several uses of a value adds them from the last use to the first. Nothing flows through words,
 * `stopGradient` or comparisons; rounding to a narrower dtype counts as the identity.
 *
 *   const { w, b } = gradients(loss, { w: state.w, b: state.b })
 *
 * With `onto`, sums of earlier gradients in the same shapes, the results are those plus the gradients: each is added as
 * soon as the backward pass has come past the grid's first use, so that no second set of gradients is ever held.
 */
export const gradients = <T extends Named>(
  loss: Grid<'f'>,
  by: T,
  onto?: { readonly [K in keyof T]: Grid<'f'> },
): { readonly [K in keyof T]: Grid<'f'> } => {
  if (loss.size !== 1)
    throw new TraceError(
      'gradients',
      `the loss has shape ${show(loss.shape)}; reduce it to one element first`,
    )
  const wanted = new Map<Vertex, string>()
  for (const [name, grid] of Object.entries(by)) {
    if (!isDense(grid))
      throw new TraceError(
        'gradients',
        `${name} is a view of shape ${show(grid.shape)}; differentiate by its source, or materialise it before it is used`,
      )
    if (DTYPES[grid.dtype].register !== 'f')
      throw new TraceError('gradients', `${name} is ${grid.dtype}; only numbers have gradients`)
    wanted.set(grid.lookup.source, name)
  }

  const reached = reachable(loss)
  const begin = nextId()
  const active = new Set<Vertex>()
  for (const v of reached) // sources before consumers
    if (wanted.has(v) || (!isSource(v) && dependenciesOf(v).some((d) => active.has(d)))) active.add(v)
  const flows = (l: Lookup): boolean =>
    !l.stopped && active.has(l.source) && DTYPES[l.source.dtype].register === 'f'

  const received = new Map<Vertex, Grid<'f'>[]>()
  const send = (to: Vertex, gradient: Grid<'f'>): void => {
    received.set(to, [...(received.get(to) ?? []), gradient])
  }
  const root = loss.lookup.source
  if (active.has(root)) send(root, lossSeed(loss))
  const found = new Map<Vertex, Grid<'f'>>()
  const arrived = new Map<Vertex, Grid<'f'>>()
  const uses = onto ? usesOf(reached, wanted, active) : undefined
  const finish = (v: Vertex): void => {
    found.set(v, addAll([onto![wanted.get(v)!]!, ...(received.get(v) ?? [])]))
    received.delete(v)
  }
  const backThrough = (v: Vertex, list: readonly Grid<'f'>[]): void => {
    received.delete(v)
    const total = addAll(list)
    arrived.set(v, total)
    const name = wanted.get(v)
    if (name !== undefined) found.set(v, onto ? addAll([onto[name]!, total]) : total)
    if (isSource(v)) return
    const sent = v.pullback ? pulledBack(v.pullback, total, flows) : contributionsOf(v, total, flows)
    for (const { to, gradient } of sent) send(to, gradient)
  }
  for (const v of reached.toReversed()) {
    const list = received.get(v)
    if (list) backThrough(v, list)
    for (const used of uses?.get(v) ?? []) finish(used)
  }
  const gradientOf = (grid: Grid<'f'>, before: Grid<'f'> | undefined): Grid<'f'> => {
    const gradient = found.get(grid.lookup.source)
    return gradient ? reshape(gradient, grid.shape) : (before ?? full(grid.shape, 0))
  }
  const all = Object.entries(by).map(([name, grid]) => gradientOf(grid, onto?.[name]))
  const kept = recomputing(all, { regions: regionsSoFar(), forward: reached, begin, arrived })
  return Object.fromEntries(Object.keys(by).map((name, i) => [name, kept[i]!])) as {
    [K in keyof T]: Grid<'f'>
  }
}

/**
 * A function of parameters becomes one that also gives the gradients of its value.
 *
 *   const { value, gradient } = grad((p) => mean(square(sub(matmul(x, p.w), y))))(params)
 */
export const grad =
  <T extends Named, A extends readonly unknown[]>(fn: (parameters: T, ...rest: A) => Grid<'f'>) =>
  (
    parameters: T,
    ...rest: A
  ): { readonly value: Grid<'f'>; readonly gradient: { readonly [K in keyof T]: Grid<'f'> } } => {
    const value = fn(parameters, ...rest)
    return { value, gradient: gradients(value, parameters) }
  }

/**
 * By the vertex after which nothing more flows to them: what gradients are wanted by. Only where nothing flows on from
 * there, which is so for state tensors and inputs, and for roundings of them.
 */
const usesOf = (
  reached: readonly Vertex[],
  wanted: ReadonlyMap<Vertex, string>,
  active: ReadonlySet<Vertex>,
): ReadonlyMap<Vertex, readonly Vertex[]> => {
  const first = new Map<Vertex, Vertex>()
  for (const v of reached)
    if (!isSource(v)) for (const d of dependenciesOf(v)) if (wanted.has(d) && !first.has(d)) first.set(d, v)
  const uses = new Map<Vertex, Vertex[]>()
  for (const [v, by] of first) {
    if (!isSource(v) && dependenciesOf(v).some((d) => active.has(d))) continue
    uses.set(by, [...(uses.get(by) ?? []), v])
  }
  return uses
}

/** Everything that the loss is computed from, in order of evaluation. */
const reachable = (loss: Grid): Vertex[] => {
  const seen = new Set<Vertex>()
  const visit: Vertex[] = [loss.lookup.source]
  for (let v = visit.pop(); v; v = visit.pop()) {
    if (seen.has(v)) continue
    seen.add(v)
    if (!isSource(v)) visit.push(...dependenciesOf(v))
  }
  return [...seen].sort((a, b) => a.id - b.id)
}

/** 1 at the loss's place in its vertex. */
const lossSeed = (loss: Grid<'f'>): Grid<'f'> => {
  const { source } = loss.lookup
  if (!isDense(loss))
    throw new TraceError('gradients', `the loss is a view of shape ${show(source.shape)}: materialise it`)
  return full(source.shape, 1)
}

const AT_ONCE = 6 // reads of one node: few enough for a dispute's last step
const addAll = (grids: readonly Grid<'f'>[]): Grid<'f'> => {
  // A padded view is read faster as a node of its own: much reads it.
  if (grids.length === 1) return grids[0]!.lookup.pad === undefined ? grids[0]! : materialise(grids[0]!)
  const now = grids.slice(0, AT_ONCE)
  const total = map(now, (...values) => values.reduce((a: F, b: F) => a.add(b)), {
    label: 'sum of gradients',
  })
  return addAll([total, ...grids.slice(AT_ONCE)])
}
