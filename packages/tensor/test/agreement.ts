import assert from 'node:assert/strict'
import { gradients } from '../src/front/grad/gradients.ts'
import type { Grid } from '../src/front/grid.ts'
import { map } from '../src/front/map.ts'
import { sum } from '../src/front/ops/reduce.ts'
import { traceProgram } from '../src/front/trace-program.ts'
import type { Program, Tensor, TensorType } from '../src/program.ts'
import { runStep } from '../src/reference.ts'
import { index, u32 } from '../src/scalar/trace.ts'
import { validateProgram } from '../src/validate.ts'
import { evaluate } from './doubles.ts'

/** Small deterministic numbers, far from each other and from 0 so that no kink is near. */
export const numbersFrom = (seed: number) => {
  let s = seed >>> 0
  return (): number => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    const x = (s >>> 8) / 2 ** 24
    return (x < 0.5 ? -1 : 1) * (0.1 + Math.abs(x - 0.5) * 2)
  }
}

type Case = {
  readonly numbers: { readonly [name: string]: readonly number[] } // shapes of f32 state
  readonly words?: {
    readonly [name: string]: { readonly shape: readonly number[]; readonly values: readonly number[] }
  }
  readonly positive?: boolean // numbers in (0, 1]
  readonly fn: (
    x: { readonly [name: string]: Grid<'f'> },
    w: { readonly [name: string]: Grid<'u'> },
  ) => Grid<'f'>
  readonly flat?: boolean // no gradients asked
  readonly seed?: number
}

/**
 * Holds an operation to three opinions: its program is valid, the reference executor's f32 result is the double
 * evaluator's, and its gradients are the finite differences of the doubles (and f32's are the doubles').
 */
export const agrees = ({ numbers, words = {}, positive, fn, flat, seed = 1 }: Case): Program => {
  const next = numbersFrom(seed)
  const data = Object.fromEntries(
    Object.entries(numbers).map(([name, shape]) => [
      name,
      Float64Array.from({ length: shape.reduce((n, e) => n * e, 1) }, () =>
        Math.fround(positive ? Math.abs(next()) : next()),
      ),
    ]),
  )
  const state = Object.fromEntries(
    Object.entries(numbers).map(([name, shape]): [string, TensorType & { dtype: 'f32' }] => [
      name,
      { dtype: 'f32', shape },
    ]),
  )
  const inputs = Object.fromEntries(
    Object.entries(words).map(([name, w]): [string, TensorType & { dtype: 'u32' }] => [
      name,
      { dtype: 'u32', shape: w.shape },
    ]),
  )
  let traced: { out: Grid<'f'>; loss: Grid<'f'>; slopes: { readonly [name: string]: Grid<'f'> } } | undefined
  const program = traceProgram({ state, inputs }, (x, w) => {
    const out = fn(x, w)
    // Each element counts differently, so that no two gradients can be confused.
    const weighted = map([out], (o) => {
      const place = out.shape.reduce((p, e, d) => p.mul(e).add(index(d)), u32(0))
      return o.mul(place.mul(7).add(3).and(15).toF32().mul(0.25).sub(1.625))
    })
    const loss = sum(weighted)
    const slopes = flat ? {} : gradients(loss, x)
    traced = { out, loss, slopes }
    return { outputs: { out, ...Object.fromEntries(Object.entries(slopes).map(([k, g]) => [`d ${k}`, g])) } }
  })
  const valid = validateProgram(program)
  assert.ok(valid.ok, JSON.stringify(valid))
  const { out, loss, slopes } = traced!
  const source = ({ kind, name }: { kind: string; name: string }) =>
    kind === 'state' ? data[name]! : words[name]!.values
  const [exact, ...exactSlopes] = evaluate([out, ...Object.values(slopes)], source)

  const ran = runStep(
    program,
    program.state.map((t) => tensor(t, data[t.name]!)),
    program.inputs.map((t) => tensor(t, words[t.name]!.values)),
  )
  const [got, ...gotSlopes] = ran.outputs.map(numbersOf)
  near(got!, exact!, 2e-4, 'f32 result')
  Object.keys(slopes).forEach((name, i) => {
    near(gotSlopes[i]!, exactSlopes[i]!, 2e-3, `f32 gradient of ${name}`)
    const h = 1e-5
    const expected = Array.from(data[name]!, (value, at) => {
      const lossAt = (x: number): number => {
        data[name]![at] = x
        return evaluate([loss], source)[0]![0]!
      }
      const difference = (lossAt(value + h) - lossAt(value - h)) / (2 * h)
      data[name]![at] = value
      return difference
    })
    near(exactSlopes[i]!, expected, 1e-5, `gradient of ${name}`)
  })
  return program
}

export const near = (
  got: readonly number[],
  expected: readonly number[],
  tolerance: number,
  what: string,
): void => {
  assert.equal(got.length, expected.length, what)
  const scale = Math.max(1, ...expected.map(Math.abs))
  got.forEach((x, i) => {
    if (x === expected[i]) return
    assert.ok(
      Math.abs(x - expected[i]!) <= tolerance * scale,
      `${what}[${i}] is ${x}, expected ${expected[i]}`,
    )
  })
}

export const tensor = (type: TensorType, values: ArrayLike<number>): Tensor => {
  const array = type.dtype === 'f32' ? Float32Array.from(values) : Uint32Array.from(values)
  return { dtype: type.dtype, shape: type.shape, data: new Uint8Array(array.buffer) }
}
export const numbersOf = (t: Tensor): number[] => {
  const { buffer } = t.data.slice()
  return t.dtype === 'f32' ? [...new Float32Array(buffer)] : [...new Uint32Array(buffer)]
}
