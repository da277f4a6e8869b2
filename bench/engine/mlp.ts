import type { Row } from '../row.ts'
import { MLP, mlpCase } from './cases.ts'
import type { Section } from './section.ts'
import { trainingRows } from './training-rows.ts'
import type { Rival } from './versus.ts'

/** Training step of an MLP of 784-512-512-10 on 128 rows with Adam. */
export const section: Section = async (context) => {
  const oneCase = mlpCase(MLP)
  const order = { case: 'mlp', ...MLP } as const
  const rows = (how: { threads: number; addon?: boolean }, rivals: readonly Rival[]): Promise<Row[]> =>
    trainingRows(context, 'MLP step', how, oneCase, order, rivals)
  // jax-js and tfjs have one thread under Node.
  const one: Rival[] = [
    { name: 'jax-js', target: 2.5 },
    { name: 'tfjs-wasm', target: 20 },
  ]
  const native: Rival[] = [{ name: 'pytorch', target: 1 }]
  return [
    ...(await rows({ threads: 1 }, [...one, { name: 'pytorch', target: null }])),
    ...(await rows({ threads: 2 }, [{ name: 'pytorch', target: null }])),
    ...(await rows({ threads: 1, addon: true }, native)),
    ...(await rows({ threads: 2, addon: true }, native)),
  ]
}
