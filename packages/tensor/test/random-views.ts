import { broadcastTo } from '../src/front/broadcast.ts'
import type { Grid } from '../src/front/grid.ts'
import { reshape } from '../src/front/reshape.ts'
import { expand, flip, pad, slice, transpose, windows } from '../src/front/views.ts'

export type Change = (x: Grid<'f'>) => Grid<'f'>

/** A random view of any grid, chosen by a stream of numbers in [0, 1). */
export const randomChange = (draw: () => number, x: Grid<'f'>): Change => {
  const pickOne = (n: number) => Math.floor(draw() * n)
  const axis = pickOne(Math.max(1, x.rank))
  const extent = x.shape[axis] ?? 1
  const around = (by: () => number) =>
    x.shape.map((_, d) => (d === axis ? ([by(), by()] as const) : ([0, 0] as const)))
  const kinds: (() => Change | undefined)[] = [
    () => {
      const keys = [...x.shape.keys()].map((d) => [draw(), d] as const)
      const order = keys.sort(([a], [b]) => a - b).map(([, d]) => d)
      return (g) => transpose(g, order)
    },
    () => {
      const from = pickOne(extent)
      const to = from + 1 + pickOne(extent - from)
      const step = 1 + pickOne(2)
      return (g) => slice(g, { axis, from, to, step })
    },
    () => (g) => flip(g, [axis]),
    () => {
      const [[before, after]] = [[pickOne(3), pickOne(3)]] as const
      const value = draw() < 0.5 ? 0 : 2
      let n = 0
      const sides = around(() => (n++ % 2 === 0 ? before! : after!))
      return (g) => pad(g, sides, value)
    },
    () => {
      const factors: number[] = []
      for (let rest = x.size; rest > 1; ) {
        const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0)
        const f = divisors[pickOne(divisors.length)]!
        factors.push(f)
        rest /= f
        if (factors.length === 4) factors[3] = factors[3]! * rest
        if (factors.length === 4) break
      }
      return (g) => reshape(g, factors)
    },
    () => {
      const size = 1 + pickOne(extent)
      const stride = 1 + pickOne(2)
      const last = x.rank - 1
      if (x.rank === 0 || axis !== last || x.size > 40) return undefined
      return (g) => windows(g, [{ size, stride }])
    },
    () => (x.size > 30 ? undefined : (g) => broadcastTo(expand(g, axis), x.shape.toSpliced(axis, 0, 2))),
  ]
  return kinds[pickOne(kinds.length)]!() ?? ((g) => g)
}
