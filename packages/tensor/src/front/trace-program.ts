import type { Dtype } from '../dtype.ts'
import type { Program, TensorType } from '../program.ts'
import { copy } from './copy.ts'
import { addSource, withGraph } from './graph.ts'
import { dense, type Grid, isDense } from './grid.ts'
import { lowerGraph } from './lower.ts'
import type { RegisterOf } from './map.ts'
import { show, TraceError } from './trace-error.ts'
import type { Vertex } from './vertex.ts'

type Types = { readonly [name: string]: TensorType }
/** One grid per type: `Grid<'f'>` for f32, bf16 and f16, `Grid<'u'>` for u32 and u8. */
export type Grids<T extends Types> = { readonly [K in keyof T]: Grid<RegisterOf<T[K]['dtype'] & Dtype>> }

/**
 * Records one step of a task: `fn` is called once with symbolic tensors and says what the next state and the outputs
 * are. Names are kept in the order in which they are given; a state tensor that is not returned keeps its value.
 *
 *   const program = traceProgram(
 *     { state: { w: { dtype: 'f32', shape: [3] } }, inputs: { x: { dtype: 'f32', shape: [3] } } },
 *     ({ w }, { x }) => ({ state: { w: add(w, x) }, outputs: { total: sum(w) } }),
 *   )
 */
export const traceProgram = <const S extends Types, const I extends Types = Record<never, never>>(
  types: { readonly state: S; readonly inputs?: I },
  fn: (
    state: Grids<S>,
    inputs: Grids<I>,
  ) => {
    readonly state?: { readonly [K in keyof S]?: Grid }
    readonly outputs?: { readonly [name: string]: Grid }
  },
): Program =>
  withGraph(() => {
    const state = Object.entries(types.state).map(([name, t]) => ({
      name,
      dtype: t.dtype,
      shape: [...t.shape],
    }))
    const inputs = Object.entries(types.inputs ?? {}).map(([name, t]) => ({
      name,
      dtype: t.dtype,
      shape: [...t.shape],
    }))
    const gridsOf = (kind: 'state' | 'input', list: typeof state) =>
      Object.fromEntries(list.map((t, index) => [t.name, dense(addSource({ kind, index, ...t }))]))
    const stateGrids = gridsOf('state', state)
    const result = fn(stateGrids as Grids<S>, gridsOf('input', inputs) as Grids<I>)

    const nextGrids: { readonly [name: string]: Grid | undefined } = result.state ?? {}
    for (const name of Object.keys(nextGrids))
      if (!(name in types.state))
        throw new TraceError('traceProgram', `next state names ${name}, which is no state tensor`)
    const next = state.map((t): Vertex => {
      const grid = nextGrids[t.name] ?? stateGrids[t.name]!
      if (grid.dtype !== t.dtype || show(grid.shape) !== show(t.shape))
        throw new TraceError(
          'traceProgram',
          `next state of ${t.name} is ${grid.dtype} ${show(grid.shape)}, its type is ${t.dtype} ${show(t.shape)}: cast or reshape it`,
        )
      return wholeVertex(grid)
    })
    const outputs = Object.entries(result.outputs ?? {}).map(([name, grid]) => ({
      name,
      vertex: wholeVertex(grid),
    }))
    const { nodes, refOf } = lowerGraph([...next, ...outputs.map((o) => o.vertex)])
    return {
      state,
      inputs,
      nodes,
      next: next.map(refOf),
      outputs: outputs.map((o) => ({ name: o.name, ref: refOf(o.vertex) })),
    }
  })

/** The vertex whose every element, under its own shape, the grid is; a view or a reshape is copied into one. */
const wholeVertex = (grid: Grid): Vertex => {
  const { source } = grid.lookup
  return isDense(grid) && show(source.shape) === show(grid.shape) ? source : copy(grid.shape, grid.lookup)
}
