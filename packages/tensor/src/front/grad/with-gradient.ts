import { traceFormula } from '../../scalar/formula.ts'
import { addTwin } from '../graph.ts'
import { dense, type Grid, materialise } from '../grid.ts'
import { show, TraceError } from '../trace-error.ts'
import { isSource, type Lookup, type Pullback } from '../vertex.ts'
import { adjointOfRead } from './adjoint.ts'
import type { Contribution } from './rules.ts'

/**
 * A value with a gradient of its own: `pullback` says what an upstream gradient becomes for the grids that the value
 * was computed from; nothing else flows. For results that make their gradient cheaper than the rules can know, and
 * for straight-through estimates.
 *
 *   withGradient(map([x], round), (g) => [{ of: x, gradient: g }])
 */
export const withGradient = (value: Grid<'f'>, pullback: Pullback): Grid<'f'> => {
  const { source } = materialise(value).lookup
  if (isSource(source))
    throw new TraceError(
      'withGradient',
      `${source.kind} ${source.name} was not computed; copy it with a map first`,
    )
  return dense(addTwin(source, pullback), value.shape)
}

export const pulledBack = (
  pullback: Pullback,
  upstream: Grid<'f'>,
  wanted: (l: Lookup) => boolean,
): Contribution[] =>
  pullback(upstream).flatMap(({ of, gradient }) => {
    if (!wanted(of.lookup)) return []
    if (show(of.shape) !== show(gradient.shape))
      throw new TraceError(
        'withGradient',
        `a gradient of shape ${show(gradient.shape)} for a grid of ${show(of.shape)}`,
      )
    const sent = adjointOfRead(of.lookup, {
      label: 'withGradient',
      space: of.shape,
      reads: [],
      upstream: gradient,
      formula: traceFormula(['f'], (g) => g),
      guards: [],
    })
    return sent ? [{ to: of.lookup.source, gradient: sent }] : []
  })
