import { alternate, ceilingRow, type Row } from '../row.ts'
import type { Section } from './section.ts'
import { squareProduct } from './square-product.ts'

/** Square products of 256 to 2048: against the ceiling, and with two threads against the ceiling's own scaling. */
export const section: Section = async (context) => {
  const rows: Row[] = []
  const { fma } = context.ceilings
  const [one, two] = [await context.executor(), await context.executor({ threads: 2 })]
  for (const size of context.quick ? [256, 512] : [256, 512, 1024, 2048]) {
    const work = (2 * size ** 3) / 1e9
    // A round lasts 20 ms or more, so that the clock and a disturbed moment count little.
    const repeats = Math.max(1, Math.round(1 / work))
    const what = `product ${size}`
    const single = await squareProduct(one, size)
    const double = await squareProduct(two, size)
    const [a, b] = await alternate(context.rounds, [() => single.step(repeats), () => double.step(repeats)])
    const amount = work * repeats
    rows.push(ceilingRow(`${what}, 1 thread`, amount, 'GFLOP/s', a!, 'fma ceiling', fma[0], 0.85))
    rows.push(ceilingRow(`${what}, 2 threads`, amount, 'GFLOP/s', b!, 'fma ceiling', fma[1], null))
    const ours = Math.min(...a!) / Math.min(...b!)
    const theirs = fma[1] / fma[0]
    const target = size >= 1024 ? 0.9 : null
    rows.push({
      ...{
        what: `${what}, 2 threads: scaling`,
        ours,
        unit: 'times',
        against: "the ceiling's scaling",
        theirs,
      },
      ...{ ratio: ours / theirs, target, met: target === null ? null : ours / theirs >= target },
    })
    single.close()
    double.close()
  }
  return rows
}
