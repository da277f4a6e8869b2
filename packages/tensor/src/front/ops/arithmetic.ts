import { DTYPES, type Dtype, type Register } from '../../dtype.ts'
import { type F, f32, select, type U, u32, type ValueOf } from '../../scalar/trace.ts'
import { Grid } from '../grid.ts'
import { map, type RegisterOf } from '../map.ts'
import { TraceError } from '../trace-error.ts'

// Elementwise arithmetic. Operands broadcast; a number is a constant. One map node each: for longer expressions
// write one `map` with the whole scalar function, which is one node.

type Operand<R extends Register> = Grid<R> | number
type Number = Operand<'f'>
type Word = Operand<'u'>

const binary =
  <R extends Register>(register: R, label: string, fn: (a: ValueOf<R>, b: ValueOf<R>) => F | U) =>
  (a: Operand<R>, b: Operand<R>): Grid => {
    const constant = (x: number) => (register === 'f' ? f32(x) : u32(x)) as ValueOf<R>
    for (const x of [a, b])
      if (x instanceof Grid && DTYPES[x.dtype].register !== register)
        throw new TraceError(
          label,
          `an operand is ${x.dtype}; it must be a grid of ${register === 'f' ? 'numbers' : 'words'}: cast it`,
        )
    const f = fn as (x: F | U, y: F | U) => F | U
    if (a instanceof Grid && b instanceof Grid)
      return map([a, b] as readonly Grid[], (x, y) => f(x!, y!), { label })
    if (a instanceof Grid) return map([a] as readonly Grid[], (x) => f(x!, constant(b as number)), { label })
    if (b instanceof Grid) return map([b] as readonly Grid[], (y) => f(constant(a), y!), { label })
    return map([], () => f(constant(a), constant(b)), { label })
  }

type NumberOp = (a: Number, b: Number) => Grid<'f'>
type NumberTest = (a: Number, b: Number) => Grid<'u'>
type WordOp = (a: Word, b: Word) => Grid<'u'>

export const add = binary('f', 'add', (a, b) => a.add(b)) as NumberOp
export const sub = binary('f', 'sub', (a, b) => a.sub(b)) as NumberOp
export const mul = binary('f', 'mul', (a, b) => a.mul(b)) as NumberOp
export const div = binary('f', 'div', (a, b) => a.div(b)) as NumberOp
export const maximum = binary('f', 'maximum', (a, b) => a.max(b)) as NumberOp
export const minimum = binary('f', 'minimum', (a, b) => a.min(b)) as NumberOp
/** 1 where a < b, else 0. */
export const less = binary('f', 'less', (a, b) => a.lt(b)) as NumberTest
export const lessOrEqual = binary('f', 'lessOrEqual', (a, b) => a.le(b)) as NumberTest
export const equal = binary('f', 'equal', (a, b) => a.eq(b)) as NumberTest

export const addWords = binary('u', 'addWords', (a, b) => a.add(b)) as WordOp
export const subWords = binary('u', 'subWords', (a, b) => a.sub(b)) as WordOp
export const mulWords = binary('u', 'mulWords', (a, b) => a.mul(b)) as WordOp
export const minWords = binary('u', 'minWords', (a, b) => select(a.lt(b), a, b)) as WordOp
export const maxWords = binary('u', 'maxWords', (a, b) => select(a.lt(b), b, a)) as WordOp
export const lessWords = binary('u', 'lessWords', (a, b) => a.lt(b)) as WordOp
export const equalWords = binary('u', 'equalWords', (a, b) => a.eq(b)) as WordOp

export const neg = (x: Grid<'f'>): Grid<'f'> => map([x], (a) => a.neg(), { label: 'neg' })
export const abs = (x: Grid<'f'>): Grid<'f'> => map([x], (a) => a.abs(), { label: 'abs' })
export const square = (x: Grid<'f'>): Grid<'f'> => map([x], (a) => a.mul(a), { label: 'square' })
export const sqrt = (x: Grid<'f'>): Grid<'f'> => map([x], (a) => a.sqrt(), { label: 'sqrt' })
/** Kept within [low, high]; the gradient is 0 outside. */
export const clip = (x: Grid<'f'>, low: number, high: number): Grid<'f'> =>
  map([x], (a) => select(a.lt(low), f32(low), select(f32(high).lt(a), f32(high), a)), { label: 'clip' })

/** a where the condition is not zero, else b. */
export const where = (condition: Grid<'u'>, a: Number, b: Number): Grid<'f'> => {
  const grids = [condition, ...[a, b].filter((x) => x instanceof Grid)]
  return map(
    grids as readonly Grid[],
    (c, ...rest) => {
      const next = (x: Number) => (typeof x === 'number' ? f32(x) : (rest.shift() as F))
      return select(c as U, next(a), next(b))
    },
    { label: 'where' },
  ) as Grid<'f'>
}

/**
 * Stored as another dtype. Numbers narrow to nearest-even; a number becomes a word by truncation, saturated to
 * [0, 2^32 - 1]; a word becomes the nearest number; u8 keeps the low 8 bits.
 */
export const cast = <D extends Dtype>(x: Grid, dtype: D): Grid<RegisterOf<D>> => {
  if (x.dtype === dtype) return x as Grid<RegisterOf<D>>
  const to = DTYPES[dtype].register
  const label = 'cast'
  const made =
    DTYPES[x.dtype].register === 'f'
      ? map([x as Grid<'f'>], (a): F | U => (to === 'f' ? a : a.toU32()), { dtype, label })
      : map([x as Grid<'u'>], (a): F | U => (to === 'u' ? a : a.toF32()), { dtype, label })
  return made as Grid as Grid<RegisterOf<D>>
}

/** A constant in every place. */
export const full = (shape: readonly number[], value: number): Grid<'f'> =>
  map([], () => f32(value), { shape, label: 'full' })
export const fullWords = (shape: readonly number[], value: number): Grid<'u'> =>
  map([], () => u32(value), { shape, label: 'fullWords' })
