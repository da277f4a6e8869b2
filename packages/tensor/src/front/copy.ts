import { DTYPES } from '../dtype.ts'
import { type Formula, traceFormula } from '../scalar/formula.ts'
import { addVertex } from './graph.ts'
import type { Lookup, MapVertex, Vertex } from './vertex.ts'

/** Argument itself: what a copy computes. */
export const identity = (register: 'f' | 'u'): Formula => traceFormula([register], (x) => x)

/** A node that makes a view dense: one element per point of the lookup's space. */
export const copy = (shape: readonly number[], lookup: Lookup): Vertex =>
  addVertex<MapVertex>({
    kind: 'map',
    label: 'copy',
    dtype: lookup.source.dtype,
    shape,
    reads: [lookup],
    formula: identity(DTYPES[lookup.source.dtype].register),
  })
