import { DTYPES } from '../dtype.ts'
import type { Grid } from '../front/grid.ts'
import { map } from '../front/map.ts'
import { add, cast, mul, sub } from '../front/ops/arithmetic.ts'
import { matmul } from '../front/ops/contract.ts'
import { max, mean, sum } from '../front/ops/reduce.ts'
import { softmax } from '../front/ops/softmax.ts'
import { reshape } from '../front/reshape.ts'
import { traceProgram } from '../front/trace-program.ts'
import { flip, pad, slice, transpose } from '../front/views.ts'
import type { Tensor, TensorType } from '../program.ts'
import { storeElement } from '../scalar/convert.ts'
import { exp } from '../scalar/elementary.ts'
import { type F, index } from '../scalar/trace.ts'
import { size } from '../shape.ts'
import type { RandomProgram } from './random-program.ts'
import { randomTensor } from './random-tensor.ts'
import { Seeded } from './seeded.ts'

type G = Grid<'f'>

/**
 * A small network as models are made of it, from one integer: chains of maps between views, normalised rows, products,
 * attention, states that are updated from what was computed. It is what fusion finds much to do in.
 */
export const randomNetwork = (seed: number): RandomProgram => {
  const r = new Seeded(seed)
  const rows = r.pick([3, 4, 8, 12, 17, 32])
  const width = r.pick([4, 5, 8, 16, 24, 33, 64])
  const batch = r.pick([1, 2, 3, 5])
  const f32 = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
  const types = {
    x: f32(batch, rows, width),
    w: f32(width, width),
    b: f32(width),
    m: f32(width, width),
    small: { dtype: r.pick(['f16', 'bf16'] as const), shape: [batch, rows, width] },
  }
  const steps = r.between(3, 9)
  const program = traceProgram({ state: types, inputs: { u: f32(batch, rows, width) } }, (state, { u }) => {
    const { x, w, b, m, small } = state
    const made: G[] = [x, u, small]
    const any = (): G => made[Math.max(0, made.length - 1 - (r.chance(60) ? 0 : r.between(0, made.length)))]!
    for (let i = 0; i < steps; i++) made.push(grow(r, any, w, b))
    const y = made.at(-1)!
    const slope = matmul(transpose(reshape(y, [batch * rows, width])), reshape(any(), [batch * rows, width]))
    const moment = add(mul(m, 0.75), mul(slope, 0.25))
    const next = r.chance(70) ? { m: moment, w: sub(w, mul(moment, 0.01)) } : { w: map([w, slope], chain(r)) }
    const bias = add(b, mean(reshape(y, [batch * rows, width]), { axes: 0 }))
    return {
      state: { ...next, b: bias, ...(r.chance(50) ? { small: cast(y, types.small.dtype) } : {}) },
      outputs: { y: r.chance(30) ? transpose(y) : y, total: sum(any()) },
    }
  })
  // mostly small numbers: one infinity in a row would hide the others behind a NaN
  const edges = r.chance(20)
  const make = (t: TensorType): Tensor => (edges ? randomTensor(r, t) : smallNumbers(r, t))
  return { program, state: program.state.map(make), inputs: program.inputs.map(make) }
}

const smallNumbers = (r: Seeded, { dtype, shape }: TensorType): Tensor => {
  const data = new Uint8Array(size(shape) * DTYPES[dtype].bytes)
  for (let i = 0; i < size(shape); i++) {
    const word = ((r.word() & 0x807fffff) | (r.between(122, 128) << 23)) >>> 0
    storeElement(dtype, data, i, word)
  }
  return { dtype, shape, data }
}

const chain =
  (r: Seeded) =>
  (...values: readonly F[]): F => {
    let [x, y = x!] = values
    for (let n = r.between(1, 4); n > 0; n--)
      x = r.pick([
        () => x!.mul(1.5),
        () => x!.add(y),
        () => x!.fma(0.5, y),
        () => exp(x!.min(1)),
        () => x!.max(0),
        () => x!.sub(index(0).toF32()),
        () => x!.bf16(),
      ])()
    return x!
  }

/** Another grid of the same shape, (batch, rows, width), out of what there is. */
const grow = (r: Seeded, any: () => G, w: G, b: G): G => {
  const x = any()
  const [batch, rows, width] = x.shape as [number, number, number]
  switch (r.between(0, 13)) {
    case 0:
      return map([x], chain(r))
    case 1:
      return map([x, any()], chain(r))
    case 2:
      return add(mul(x, b), any())
    case 3:
      return cast(map([x], chain(r)), r.pick(['bf16', 'f16'] as const))
    case 4: {
      const centred = sub(x, mean(x, { axes: -1, keep: true }))
      const scale = map([mean(mul(centred, centred), { axes: -1, keep: true })], (v) => v.add(1).sqrt())
      return add(
        mul(
          map([centred, scale], (a, s) => a.div(s)),
          b,
        ),
        b,
      )
    }
    case 5:
      return softmax(map([x], chain(r)))
    case 6:
      return add(matmul(x, w), b)
    case 7: {
      const scores = matmul(mul(x, 0.25), transpose(any(), [0, 2, 1]))
      return matmul(softmax(scores, { causal: r.chance(50) }), any())
    }
    case 8: {
      const made = r.chance(50) ? add(x, max(any(), { axes: 0, keep: true })) : x
      const flat = map([reshape(made, [batch * rows, width])], (a) => a.add(index(0).toF32()))
      return reshape(flat, [batch, rows, width])
    }
    case 9:
      return transpose(map([transpose(x, [0, 2, 1])], chain(r)), [0, 2, 1])
    case 10: {
      const other = any()
      if (r.chance(50)) return map([flip(x, [1]), max(other, { axes: 0, keep: true })], (a, c) => a.sub(c))
      const later = pad(slice(other, { axis: 1, from: 1 }), [
        [0, 0],
        [1, 0],
        [0, 0],
      ])
      const both = map([x, later], (a, c) => a.add(c))
      return r.chance(60) ? softmax(both) : both
    }
    case 11: {
      // two halves side by side, as parts of a projection are put together again
      const half = width >> 1
      const left = pad(slice(x, { axis: 2, to: half }), [
        [0, 0],
        [0, 0],
        [0, width - half],
      ])
      const right = pad(slice(any(), { axis: 2, from: half }), [
        [0, 0],
        [0, 0],
        [half, 0],
      ])
      return map([left, right], (a, c) => a.add(c))
    }
    default:
      return add(x, sum(mul(x, any()), { axes: [0, 1], keep: true }))
  }
}
