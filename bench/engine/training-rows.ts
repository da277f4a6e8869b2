import { f32Values } from '@lockstep/models'
import type { Runner } from '@lockstep/tensor'
import { alternate, type Row, timeRow, workRow } from '../row.ts'
import { bareInputs, bareProducts } from './bare-products.ts'
import type { Case } from './cases.ts'
import type { Order } from './order.ts'
import type { Context } from './section.ts'
import { type Rival, versus } from './versus.ts'

/** The losses of the first steps: what a peer must have too. */
export const firstLosses = async (runner: Runner, steps = 3): Promise<number[]> => {
  const losses: number[] = []
  for (let i = 0; i < steps; i++) {
    await runner.step()
    losses.push(f32Values(runner.outputs()[0]!)[0]!)
  }
  return losses
}

/**
 * Rows of one training step: beside its bare matrix products, and beside each peer on as many threads. `addon`: the
 * products are the addon's; there are no rows then where it is not built.
 */
export const trainingRows = async (
  context: Context,
  name: string,
  { threads, addon = false }: { readonly threads: number; readonly addon?: boolean },
  { program, inputs, state }: Case,
  order: Order,
  rivals: readonly Rival[],
): Promise<Row[]> => {
  if (addon && context.addon === null) return []
  const executor = await context.executor({ threads, ...(addon && context.addon) })
  const what = `${name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}${addon ? ', addon' : ''}`
  const whole = await executor.compile(program, inputs)
  whole.load(state)
  const check = await firstLosses(whole)
  const bare = bareProducts(program)
  const products = await executor.compile(bare.program, bareInputs(bare.program))
  products.load([])
  await products.step(2)
  const [a, b] = await alternate(context.rounds, [() => whole.step(), () => products.step()])
  products.close()
  const rows = [
    // At most 1.3 times its products: they are at least 1 / 1.3 of it.
    timeRow(`${what}: whole step`, a!, 'its bare products', b!, 0.769),
    ceilingShare(context, `${what}: bare products`, bare.flops / 1e9, b!, threads),
  ]
  for (const rival of rivals)
    rows.push(await versus(context, { what, run: () => whole.step(), check, threads }, rival, order))
  whole.close()
  return rows
}

const ceilingShare = (
  { ceilings }: Context,
  what: string,
  work: number,
  seconds: readonly number[],
  threads: number,
): Row => {
  const peak = ceilings.fma[threads === 1 ? 0 : 1]
  const row = workRow(what, work, 'GFLOP/s', seconds, 'fma ceiling', seconds, null)
  return { ...row, theirs: peak, ratio: row.ours / peak }
}
